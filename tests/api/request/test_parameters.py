"""Unknown query parameters, and unknown keys of a body."""

import re
from typing import Any

import pytest

from tests.conftest import ClientMaker

BODY = {"queries": [{"text": "a"}], "candidates": [{"text": "b"}]}
SUBMIT_KNOWN = "known parameters: wait, model, alpha, callback_url, metadata"
NOWHERE = {"redis_url": "redis://127.0.0.1:1/0"}


def refused(answer: Any) -> list[tuple[str, str, str]]:
    assert answer.status_code == 422, answer.data
    return [
        (fault["pointer"], fault["code"], fault["detail"]) for fault in answer.get_json()["errors"]
    ]


@pytest.mark.parametrize(
    ("method", "path", "detail"),
    [
        (
            "POST",
            "/rank?top_k=1",
            f"parameter top_k: is a key of the body; {SUBMIT_KNOWN}",
        ),
        (
            "POST",
            "/encode?normalize=true",
            f"parameter normalize: is not known; {SUBMIT_KNOWN}",
        ),
        (
            "GET",
            "/jobs?page=2",
            "parameter page: is not known; known parameters: status, limit, cursor",
        ),
        ("GET", "/jobs/any?timeout=2", "parameter timeout: is not known; known parameters: wait"),
        (
            "DELETE",
            "/jobs/any?force=1",
            "parameter force: is not known; there are no parameters here",
        ),
        (
            "PUT",
            "/label-sets/a?wait=1",
            "parameter wait: is not known; there are no parameters here",
        ),
        ("GET", "/models?limit=1", "parameter limit: is not known; there are no parameters here"),
        ("HEAD", "/workers?limit=1", ""),
    ],
)
def test_the_error_of_an_unknown_parameter_lists_the_known_ones(
    make_api: ClientMaker, method: str, path: str, detail: str
) -> None:
    answer = make_api(**NOWHERE).open(path, method=method, json=BODY)
    if detail:
        assert refused(answer) == [("", "unknown_parameter", detail)]
        assert answer.get_json()["detail"] == detail
    assert answer.status_code == 422


def is_refused(answer: Any) -> bool:
    return answer.status_code == 422 and "unknown_parameter" in answer.text


def test_a_long_parameter_is_shortened(make_api: ClientMaker) -> None:
    [(_, _, detail)] = refused(make_api(**NOWHERE).get(f"/models?{'x' * 3000}=1"))
    assert len(detail) < 200


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/", "/docs", "/openapi.json"])
def test_pages_and_probes_ignore_unknown_parameters(make_api: ClientMaker, path: str) -> None:
    assert make_api(**NOWHERE).get(f"{path}?time=1&utm_source=a").status_code == 200


def test_the_api_key_is_checked_first(make_api: ClientMaker) -> None:
    client = make_api(**NOWHERE, api_keys="a-key-0123456789abcdef")
    assert client.get("/jobs?page=2").status_code == 401
    assert client.options("/jobs?page=2").status_code == 200


def test_every_parameter_of_the_document_is_accepted(make_api: ClientMaker) -> None:
    client = make_api(webhook_secret="whsec_" + "A" * 32, **NOWHERE)
    accepted = []
    for path, operations in client.get("/openapi.json").get_json()["paths"].items():
        for method, operation in operations.items():
            names = [
                each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"
            ]
            answer = client.open(
                re.sub("{.+}", "any", path),
                method=method.upper(),
                query_string=dict.fromkeys(names, ""),
            )
            assert not is_refused(answer)
            accepted += names
    own = {"wait", "model", "alpha", "callback_url", "metadata"}
    assert set(accepted) == {*own, "status", "limit", "cursor"}


def test_the_document_says_which_routes_refuse_parameters(make_api: ClientMaker) -> None:
    client = make_api(**NOWHERE)
    for path, operations in client.get("/openapi.json").get_json()["paths"].items():
        for method, operation in operations.items():
            answer = client.open(
                re.sub("{.+}", "any", path), method=method.upper(), query_string="odd=1"
            )
            assert is_refused(answer) == ("422" in operation["responses"]), path


@pytest.mark.parametrize(
    ("path", "body", "pointer", "known"),
    [
        ("/rank", {**BODY, "topk": 1}, "/topk", "queries"),
        ("/rank", {**BODY, "candidates": [{"txt": "a"}]}, "/candidates/0/txt", "text"),
        ("/encode", [{"text": "a", "url": "b"}], "/0/url", "text"),
    ],
)
def test_the_error_of_an_unknown_key_lists_the_known_ones(
    make_api: ClientMaker, path: str, body: Any, pointer: str, known: str
) -> None:
    faults = refused(make_api(**NOWHERE).post(path, json=body))
    [detail] = [
        detail for where, code, detail in faults if (where, code) == (pointer, "unknown_key")
    ]
    names = detail.removeprefix("is not a known key; known keys: ").split(", ")
    assert known in names
    assert ("top_k" in names) == (pointer == "/topk")
    assert ("img_uri" in names) == (known == "text")


def test_the_known_keys_of_a_label_set(make_api: ClientMaker) -> None:
    body = {"candidates": [{"text": "a"}], "labels": []}
    [(_, _, detail)] = refused(make_api(**NOWHERE).put("/label-sets/a", json=body))
    assert detail == "is not a known key; known keys: template, templates, alpha, candidates"


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ({"queries": ["a hat"]}, 'must be an object; write {"text": "a hat"}'),
        ({"queries": ["HTTPS://a.example"]}, '; write {"img_uri": "HTTPS://a.example"}'),
        ({"queries": ["data:image/png;base64,AA=="]}, '{"img_blob": "data:image/png;base64,AA=="}'),
        ({"queries": ['a "hat": red']}, '; write {"text": "a \\"hat\\": red"}'),
        ({"queries": ["x" * 101]}, f'; write {{"text": "{"x" * 100}…"}}'),
        ({"queries": "a hat"}, 'must be an array; write [{"text": "a hat"}]'),
        ({"templates": "a {}: b"}, 'must be an array; write ["a {}: b"]'),
        ({"queries": [1]}, "must be an object"),
        ({"queries": {"text": "a hat"}}, "must be an array; write [{…}]"),
    ],
)
def test_the_error_of_a_plain_text_says_what_to_write(
    make_api: ClientMaker, given: dict[str, Any], detail: str
) -> None:
    [(_, code, detail)] = refused(make_api(**NOWHERE).post("/rank", json=BODY | given))
    assert code == "wrong_type"
    assert detail.endswith(detail)
