"""What Immich's server sends to its machine learning, as far as it is CLIP."""

import json
from typing import Any

import pytest
import requests

from tests.api.dialects.vectors import IMAGE, PNG, TEXT, assert_same, expected
from tests.conftest import ClientMaker
from tests.processes import DEMO_MODEL, Api

FORM = "multipart/form-data"
VISUAL: dict[str, Any] = {"clip": {"visual": {"modelName": DEMO_MODEL.name, "options": {}}}}
TEXTUAL: dict[str, Any] = {
    "clip": {"textual": {"modelName": DEMO_MODEL.name, "options": {"language": "de"}}}
}


def predict(service: Api, entries: Any, **fields: Any) -> requests.Response:
    """As Node's fetch sends a form: the image is a file named `blob`."""
    form: dict[str, Any] = {"entries": (None, json.dumps(entries))}
    form |= {
        name: ("blob", value, "application/octet-stream") if name == "image" else (None, value)
        for name, value in fields.items()
    }
    return requests.post(f"{service.url}/predict", files=form, timeout=60)


def test_images_and_texts_are_embedded(service: Api) -> None:
    for answer, item in (
        (predict(service, VISUAL, image=PNG), IMAGE),
        (predict(service, TEXTUAL, text=TEXT), {"text": TEXT}),
    ):
        assert answer.status_code == 200, answer.text
        vector = answer.json()["clip"]
        assert isinstance(vector, str), "its server keeps it as it is"
        assert_same(json.loads(vector), expected(service, item)[0])


def test_a_model_has_the_name_that_immich_knows(make_client: ClientMaker) -> None:
    client = make_client(model_aliases=f"ViT-B-32__openai={DEMO_MODEL.name}")
    entries = json.dumps({"clip": {"textual": {"modelName": "ViT-B-32__openai"}}})
    told = client.post("/predict", data={"entries": entries, "text": TEXT}, content_type=FORM)
    assert told.status_code == 200, told.text
    entries = json.dumps({"clip": {"textual": {"modelName": "ViT-L-14__openai"}}})
    told = client.post("/predict", data={"entries": entries, "text": TEXT}, content_type=FORM)
    assert told.status_code == 404


@pytest.mark.parametrize(
    ("entries", "fields", "error"),
    [
        (VISUAL, {"text": TEXT}, "image is missing"),
        (VISUAL, {"image": b"no image"}, "image is not an image"),
        (TEXTUAL, {"image": PNG}, "text is missing"),
        ({"facial-recognition": {}}, {"image": PNG}, "entries must have the task clip"),
        ({"clip": {}}, {"image": PNG}, "entries must have the task clip"),
        ({**VISUAL, "ocr": {}}, {"image": PNG}, "entries must have the task clip"),
        (3, {"image": PNG}, "entries must have the task clip"),
        ({"clip": {"visual": {"modelName": 3}}}, {"image": PNG}, "modelName must be a string"),
        ({"clip": {"visual": 3}}, {"image": PNG}, "entries must have the task clip"),
        ([0] * 10_000, {"image": PNG}, "entries has more than 10000 bytes"),
    ],
)
def test_bad_input_is_400_and_named(service: Api, entries: Any, fields: Any, error: str) -> None:
    answer = predict(service, entries, **fields)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"error"}
    assert error in answer.json()["error"]


def test_what_is_no_form_is_refused(service: Api) -> None:
    answer = service.post("/predict", {})
    assert answer.status_code in (400, 415)
    assert set(answer.json()) == {"error"}
    broken = requests.post(f"{service.url}/predict", files={"entries": (None, "{")}, timeout=60)
    assert broken.json() == {"error": "entries must be JSON"}


def test_it_lives(service: Api) -> None:
    answer = service.get("/ping")
    assert (answer.status_code, answer.text) == (200, "pong")
