"""Voyage's multimodal embeddings and its errors."""

import base64
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.dialects.refusals import Headers, assert_refusals
from tests.api.dialects.vectors import (
    BAD,
    DATA_URI,
    IMAGE,
    OTHER,
    TEXT,
    assert_same,
    expected,
    mean,
)
from tests.conftest import ClientMaker
from tests.processes import DEMO_MODEL, Api

PATH = "/v1/multimodalembeddings"
KEY = "a-key-of-voyage-0123456789"
A_TEXT = {"type": "text", "text": TEXT}
LONG = "word " * 100


def embed(service: Api, *contents: list[dict[str, str]], **more: Any) -> Any:
    body = {
        "inputs": [{"content": content} for content in contents],
        "model": DEMO_MODEL.name,
        "input_type": None,
        "truncation": True,
        "output_dtype": None,
        "output_dimension": None,
        "encoding_format": None,
    }
    answer = service.post(PATH, body | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def vectors(told: Any) -> Any:
    assert [each["index"] for each in told["data"]] == list(range(len(told["data"])))
    return [each["embedding"] for each in told["data"]]


def test_texts_images_and_both_are_embedded(service: Api) -> None:
    image = {"type": "image_base64", "image_base64": DATA_URI}
    url = {"type": "image_url", "image_url": DATA_URI}
    told = embed(service, [A_TEXT], [image], [url], [A_TEXT, image])
    text, picture = expected(service, {"text": TEXT}, IMAGE)
    both = mean(np.stack([text, picture]))
    assert_same(vectors(told), np.stack([text, picture, picture, both]))
    assert told["model"] == DEMO_MODEL.name
    usage = told["usage"]
    assert usage["total_tokens"] == usage["text_tokens"] > 4
    assert usage["image_pixels"] == usage["video_pixels"] == 0


def test_vectors_come_in_base64_of_the_type_that_is_wanted(service: Api) -> None:
    [row] = expected(service, {"text": TEXT})
    told = embed(service, [A_TEXT], encoding_format="base64")
    assert_same(np.frombuffer(base64.b64decode(vectors(told)[0]), "<f4"), row)
    told = embed(service, [A_TEXT], encoding_format="base64", output_dtype="int8")
    got = np.frombuffer(base64.b64decode(vectors(told)[0]), np.int8)
    assert got == pytest.approx(row * 127, abs=1)
    told = embed(service, [A_TEXT], output_dtype="ubinary")
    assert vectors(told) == [np.packbits(row > 0).tolist()]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "inputs needs at least one item"),
        ({"inputs": [TEXT, 3]}, "inputs[1] must be"),
        ({"inputs": [{"content": [{"type": "video_url", "video_url": "a"}]}]}, "must be a text or"),
        (
            {"inputs": [{"content": [A_TEXT, {"type": "image_base64", "image_base64": BAD}]}]},
            "inputs[0].content[1].image_base64 is not an image",
        ),
        ({"inputs": [TEXT], "output_dtype": "hex"}, "output_dtype must be one of float"),
        ({"inputs": [TEXT], "encoding_format": "hex"}, "encoding_format must be base64"),
        ({"inputs": [TEXT], "output_dimension": 7}, "output_dimension must be "),
        ({"inputs": [OTHER, LONG], "truncation": False}, "inputs[1] is longer than"),
    ],
)
def test_bad_input_is_400_and_named(service: Api, body: Any, detail: str) -> None:
    answer = service.post(PATH, body)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"detail"}
    assert detail in answer.json()["detail"]


def test_refusals_have_its_shape(service: Api, make_client: ClientMaker) -> None:
    def post(client: FlaskClient, headers: Headers, model: str) -> TestResponse:
        body = {"inputs": ["not seen by voyage", "nor was this"]}
        return client.post(PATH, json=body | ({"model": model} if model else {}), headers=headers)

    assert_refusals(make_client, post, KEY, {"detail"})
    assert set(service.get(PATH).json()) == {"detail"}
