"""Hugging Face's tasks and errors."""

from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.dialects.refusals import Headers, assert_refusals
from tests.api.dialects.vectors import (
    BAD,
    BASE64,
    DATA_URI,
    IMAGE,
    OTHER,
    PNG,
    TEXT,
    assert_same,
    expected,
)
from tests.conftest import ClientMaker
from tests.image_server import ImageServer
from tests.processes import DEMO_MODEL, Api

KEY = "a-key-of-faces-0123456789"
LABELS = ["a cat", "a dog", "pizza"]
LONG = "word " * 100


def run(service: Api, body: Any, path: str = "/hf") -> Any:
    answer = service.post(path, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ranked(service: Api, template: str = "This is a photo of {}.") -> dict[str, float]:
    """The probabilities of /rank."""
    body = {"queries": [IMAGE], "candidates": [{"text": each} for each in LABELS]}
    [row] = service.post("/rank", body | {"template": template}).json()["probabilities"]
    return dict(zip(LABELS, row, strict=True))


def assert_ranked(told: Any, wanted: dict[str, float]) -> None:
    assert all(set(each) == {"score", "label"} for each in told)
    assert {each["label"]: each["score"] for each in told} == pytest.approx(wanted, abs=2e-4)
    scores = [each["score"] for each in told]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("path", ["/hf", "/"])
@pytest.mark.parametrize("given", [BASE64, DATA_URI, {"image": BASE64}])
def test_images_are_classified(service: Api, path: str, given: Any) -> None:
    body = {"inputs": given, "parameters": {"candidate_labels": LABELS}}
    assert_ranked(run(service, body, path), ranked(service))


def test_the_playground_is_still_at_the_root(service: Api) -> None:
    assert service.get("/").headers["Content-Type"].startswith("text/html")


def test_templates_lists_and_strings_of_labels_are_read(
    service: Api, image_server: ImageServer
) -> None:
    parameters = {"candidate_labels": "a cat, a dog,pizza", "hypothesis_template": "Look, {}!"}
    body = {"inputs": [image_server.serve(PNG), BASE64], "parameters": parameters}
    told = run(service, body)
    assert len(told) == 2
    for each in told:
        assert_ranked(each, ranked(service, "Look, {}!"))


def test_the_bytes_of_an_image_are_enough(service: Api) -> None:
    url = f"{service.url}/hf"
    kinds = ("image/png", "application/octet-stream", "application/x-www-form-urlencoded", None)
    for kind in kinds:
        headers = {"Content-Type": kind}
        told = requests.post(
            url, PNG, params={"candidate_labels": ",".join(LABELS)}, headers=headers, timeout=60
        )
        assert_ranked(told.json(), ranked(service))
        vector = requests.post(url, PNG, headers=headers, timeout=60).json()
        assert_same(vector, expected(service, IMAGE)[0])


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", None])
def test_json_needs_no_content_type(service: Api, kind: str | None) -> None:
    body, headers = f' {{"inputs": "{TEXT}"}}', {"Content-Type": kind}
    told = requests.post(f"{service.url}/hf", body, headers=headers, timeout=60)
    assert_same(told.json(), expected(service, {"text": TEXT}))
    told = requests.post(f"{service.url}/hf", '{"inputs":', headers=headers, timeout=60)
    assert told.status_code == 400
    assert told.json()["error"].startswith("The body is not valid JSON")
    for junk in (b"", b"a=b&c=d", '{"inputs": "caf\xe9"}'.encode("latin-1"), "[]".encode("utf-16")):
        told = requests.post(f"{service.url}/hf", junk, headers=headers, timeout=60)
        assert "JSON" in told.json()["error"]
        assert "X-Job-Id" not in told.headers


def test_json_may_have_its_labels_in_the_query(service: Api) -> None:
    query = {"candidate_labels": ",".join(LABELS)}
    body: dict[str, Any] = {"inputs": BASE64}
    told = requests.post(f"{service.url}/hf", json=body, params=query, timeout=60)
    assert_ranked(told.json(), ranked(service))
    best = requests.post(
        f"{service.url}/hf", json=body | {"parameters": {"top_k": 1}}, params=query, timeout=60
    )
    assert best.json() == told.json()[:1]
    listed = {"candidate_labels": LABELS, "top_k": "1"}
    best = requests.post(f"{service.url}/hf", json=body, params=listed, timeout=60)
    assert best.json() == told.json()[:1]
    for top_k, fault in (("one", "must be a whole number"), ("0", "must be at least 1")):
        wrong = requests.post(f"{service.url}/hf", json=body, params={"top_k": top_k}, timeout=60)
        assert (wrong.status_code, wrong.json()["error"]) == (400, f"top_k {fault}")


def test_texts_become_features(service: Api) -> None:
    wanted = expected(service, {"text": TEXT}, {"text": OTHER})
    assert_same(run(service, {"inputs": TEXT}), wanted[:1])
    assert_same(run(service, {"inputs": [TEXT, OTHER], "truncate": True}), wanted)
    raw = service.post("/encode", [{"text": TEXT}]).json()
    assert_same(run(service, {"inputs": [TEXT], "normalize": False}), raw)
    assert_same(run(service, {"inputs": [{"image": BASE64}]}), expected(service, IMAGE))


def test_instances_become_predictions(service: Api) -> None:
    parameters = {"candidate_labels": LABELS}
    told = run(service, {"instances": [BASE64, {"image": BASE64}], "parameters": parameters})
    assert set(told) == {"predictions"}
    for each in told["predictions"]:
        assert_ranked(each, ranked(service))
    assert_same(
        run(service, {"instances": [TEXT]})["predictions"], expected(service, {"text": TEXT})
    )


def test_a_model_is_named_in_the_url(service: Api) -> None:
    path = f"/hf?model={DEMO_MODEL.name}"
    assert_same(run(service, {"inputs": TEXT}, path), expected(service, {"text": TEXT}))
    answer = service.post("/hf?model=openai/clip-vit-large-patch14", {"inputs": TEXT})
    assert answer.status_code == 404
    assert "not served" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "inputs is missing"),
        ({"inputs": []}, "inputs needs at least one item"),
        ({"inputs": [], "parameters": {"candidate_labels": LABELS}}, "inputs needs at least one"),
        ({"inputs": [TEXT, 3]}, "inputs[1] must be"),
        ({"inputs": [OTHER, LONG], "truncate": False}, "inputs[1] is longer than"),
        ({"inputs": BAD, "parameters": {"candidate_labels": LABELS}}, "inputs is not an image"),
        ({"inputs": BASE64, "parameters": LABELS[0]}, "parameters must be an object"),
        (
            {"inputs": BASE64, "parameters": {"candidate_labels": 3}},
            "parameters.candidate_labels must be an array, or a string",
        ),
        (
            {"inputs": BASE64, "parameters": {"candidate_labels": []}},
            "parameters.candidate_labels needs at least one label",
        ),
        (
            {"inputs": BASE64, "parameters": {"candidate_labels": ["a", 3]}},
            "parameters.candidate_labels[1] must be a string",
        ),
        (
            {
                "inputs": BASE64,
                "parameters": {"candidate_labels": "a", "hypothesis_template": "a photo"},
            },
            "parameters.hypothesis_template needs {} exactly once",
        ),
        ({"inputs": TEXT, "dimensions": 7}, "dimensions must be "),
    ],
)
def test_bad_input_is_400_and_named(service: Api, body: Any, error: str) -> None:
    answer = service.post("/hf", body)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"error"}
    assert error in answer.json()["error"]


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"candidate_labels": ["a"] * 11}, "parameters.candidate_labels has more than 9 labels"),
        ({"candidate_labels": "a," * 5_000_000}, "parameters.candidate_labels has more than 9"),
        (
            {"candidate_labels": ["a" * 100], "hypothesis_template": "{}" * 50},
            "parameters.hypothesis_template needs {} exactly once",
        ),
        (
            {"candidate_labels": ["a"] * 9, "hypothesis_template": "{}" + "a" * 1_000_000},
            "parameters.hypothesis_template has more than 100 characters",
        ),
    ],
)
def test_prompts_that_would_be_huge_are_never_made(
    make_client: ClientMaker, parameters: Any, error: str
) -> None:
    client = make_client(max_queries=10, max_text_chars=100)
    answer = client.post("/hf", json={"inputs": BASE64, "parameters": parameters})
    assert answer.status_code == 400
    assert answer.get_json()["error"].startswith(error)


def test_bytes_that_are_no_image_are_400(service: Api) -> None:
    headers = {"Content-Type": "image/png"}
    for content in (b"", b"no image"):
        answer = requests.post(f"{service.url}/", content, headers=headers, timeout=60)
        assert answer.status_code == 400, answer.text
        assert "image" in answer.json()["error"]


@pytest.mark.parametrize("path", ["/", "/hf"])
def test_refusals_have_its_shape(make_client: ClientMaker, path: str) -> None:
    def post(client: FlaskClient, headers: Headers, model: str) -> TestResponse:
        url = f"{path}?model={model}" if model else path
        body = {"inputs": ["not seen by faces", "nor was this"]}
        return client.post(url, json=body, headers=headers)

    assert_refusals(make_client, post, f"{KEY}{path}", {"error"})
