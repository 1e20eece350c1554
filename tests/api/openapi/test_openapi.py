import re
from typing import Any

import orjson
import pytest
from flask import Response
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from api.assembly import assemble
from api.openapi import document as openapi
from api.request.forms import ENCODE_FIELDS, RANK_FIELDS
from api.settings import ApiSettings
from common.webhooks.outbox import Delivery
from tests.processes import Api

# For people: no program asks for them.
PAGES = {"docs", "playground"}
OF_HEALTH = {"readyz", "health", "weaviate_ready"}
"""Their 503 is an answer, not an error."""


@pytest.fixture(scope="module")
def document(service: Api) -> dict[str, Any]:
    body: dict[str, Any] = service.get("/openapi.json").json()
    return body


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_it_knows_every_route(document: dict[str, Any]) -> None:
    app = assemble(ApiSettings())
    routes = {
        re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] not in PAGES or rule.rule == "/openapi.json"
    }
    assert routes == set(document["paths"])


def test_a_route_that_declares_nothing_is_refused() -> None:
    settings = ApiSettings()
    app = assemble(settings)

    def forgotten() -> Response:
        return Response()

    app.add_url_rule("/forgotten", view_func=forgotten)
    with pytest.raises(LookupError, match="forgotten declares no operation"):
        openapi.document(app, settings)


def test_its_limits_are_those_of_the_deployment(document: dict[str, Any]) -> None:
    queries = document["components"]["schemas"]["RankRequest"]["properties"]["queries"]
    assert (queries["minItems"], queries["maxItems"]) == (1, 10_000)


def test_it_asks_for_a_key_where_the_service_does() -> None:
    key = "a-key-0123456789abcdef"
    app = assemble(ApiSettings(api_keys=key))
    client = app.test_client()
    document = client.get("/openapi.json").get_json()
    validate(document)
    assert key not in str(document)
    assert set(document["components"]["securitySchemes"]) == {
        name for way in document["security"] for name in way
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in ("get", "post", "put", "delete"):
                asks = operation.get("security", document["security"]) != []
                answer = client.open(re.sub("{.+}", "any", path), method=method.upper())
                assert asks == (answer.status_code == 401), path
                assert asks == ("401" in operation["responses"]), path


def test_it_says_which_answers_name_no_job(document: dict[str, Any]) -> None:
    for path in ("/rank", "/encode"):
        answers = document["paths"][path]["post"]["responses"]
        done, accepted = (answers[status]["headers"]["X-Job-Id"] for status in ("200", "202"))
        assert "absent" in done["description"]
        assert "absent" not in accepted["description"]


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for path in document["paths"].values() for each in path.values()]


def test_each_operation_says_what_it_is_for(document: dict[str, Any]) -> None:
    said = {each["operationId"]: each.get("description", "") for each in operations(document)}
    for operation in operations(document):
        assert said[operation["operationId"]].endswith(".")
        assert said[operation["operationId"]] != operation["summary"]
    assert len(set(said.values())) == len(said)


def test_each_error_of_each_operation_has_an_example_of_its_own(document: dict[str, Any]) -> None:
    for operation in operations(document):
        for status, answer in operation["responses"].items():
            if not status.startswith(("4", "5")) or operation["operationId"] in OF_HEALTH:
                continue
            (content,) = answer["content"].values()
            problems = [example["value"] for example in content["examples"].values()]
            if "application/problem+json" not in answer["content"]:
                assert len(problems) >= len(answer["description"].split("; "))
                continue
            assert {problem["status"] for problem in problems} == {int(status)}
            titles = answer["description"].split("; ")
            assert {problem["title"] for problem in problems} == set(titles)


def test_the_example_of_an_invalid_request_suits_its_operation(
    service: Api, document: dict[str, Any]
) -> None:
    paths = document["paths"]
    for path, operation in (("/jobs", "get"), ("/models", "get"), ("/jobs/{job}", "delete")):
        examples = paths[path][operation]["responses"]["422"]["content"]
        shown = examples["application/problem+json"]["examples"]["invalid_request"]["value"]
        url = f"{service.url}{path.format(job='0' * 32)}?page=2"
        assert service.session.request(operation, url, timeout=9).json() == shown


def test_it_asks_for_none_where_there_are_none(document: dict[str, Any]) -> None:
    assert "security" not in document


@pytest.mark.parametrize(
    ("item", "is_valid"),
    [
        ({"text": "a"}, True),
        ({"text": "a", "img_uri": None}, True),
        ({"text": "a", "img_uri": "b"}, False),
        ({"text": None}, False),
        ({}, False),
        ({"img_url": "a"}, False),
    ],
)
def test_its_schema_of_an_item_judges_as_the_service_does(
    service: Api, document: dict[str, Any], item: dict[str, Any], is_valid: bool
) -> None:
    schema = document["components"]["schemas"]["Item"]
    assert Draft202012Validator(schema).is_valid(item) == is_valid
    answer = service.post("/encode", [item])
    structural = {"empty_item", "ambiguous_item", "unknown_key", "wrong_type"}
    codes = {error["code"] for error in answer.json()["errors"]} if not answer.ok else set()
    assert bool(codes & structural) != is_valid


def test_its_forms_have_the_fields_that_are_known(document: dict[str, Any]) -> None:
    for name, known in (("RankForm", RANK_FIELDS), ("EncodeForm", ENCODE_FIELDS)):
        form = document["components"]["schemas"][name]
        Draft202012Validator.check_schema(form)
        assert set(form["properties"]) == set(known) - {"callback_url"}


def test_it_describes_webhooks_if_the_service_sends_any(document: dict[str, Any]) -> None:
    secret = f"whsec_{'A' * 32}"
    told = (
        assemble(ApiSettings(webhook_secret=secret)).test_client().get("/openapi.json").get_json()
    )
    validate(told)
    assert secret not in str(told)
    assert "callback_url" in str(told["paths"])
    assert "callback_url" in told["components"]["schemas"]["RankRequest"]["properties"]
    assert set(told["components"]["schemas"]["RankForm"]["properties"]) == set(RANK_FIELDS)
    assert "webhooks" in told
    assert "webhooks" not in document
    assert "JobEnded" not in document["components"]["schemas"]
    schema = told["webhooks"]["jobEnded"]["post"]["requestBody"]["content"]["application/json"]
    delivery = Delivery(
        url="https://receiver.example",
        kind="rank",
        ending="done",
        total=1,
        done=1,
        failed=0,
        created=1.0,
        finished=2.0,
        state="pending",
        attempts=0,
        claims=0,
        links='{"self": "/jobs/j", "cancel": "/jobs/j/cancel"}',
        asked_for="a model",
    )
    described = {**schema["schema"], "components": told["components"]}
    Draft202012Validator(described).validate(orjson.loads(delivery.body("0" * 32)))


def test_answers_are_as_described(service: Api, document: dict[str, Any]) -> None:
    schemas = document["components"]
    body = {"queries": [{"text": "a"}], "candidates": [{"text": "b"}]}
    for name, answer in (
        ("RankResponse", service.post("/rank", body)),
        ("Problem", service.post("/rank", {})),
        ("Readiness", service.get("/readyz")),
        ("Health", service.get("/healthz")),
        ("Workers", service.get("/workers")),
        ("Models", service.get("/models")),
        ("Accepted", service.post("/rank?wait=0", body)),
        ("Job", service.get(service.post("/rank?wait=0", body).headers["Location"] + "?wait=9")),
        ("JobList", service.get("/jobs")),
    ):
        schema = {"$ref": f"#/components/schemas/{name}", "components": schemas}
        Draft202012Validator(schema).validate(answer.json())
