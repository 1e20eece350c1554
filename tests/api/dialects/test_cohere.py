"""Cohere's embeddings and its errors."""

import base64
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.dialects.refusals import Headers, assert_refusals
from tests.api.dialects.vectors import (
    BAD,
    BASE64,
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

PATH = "/v2/embed"
KEY = "a-key-of-cohere-0123456789"
LONG = "word " * 100


def embed(service: Api, **body: Any) -> Any:
    answer = service.post(PATH, {"model": DEMO_MODEL.name, "input_type": "image"} | body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_texts_are_embedded(service: Api) -> None:
    told = embed(service, texts=[TEXT, OTHER], input_type="search_query", images=None, priority=0)
    assert_same(told["embeddings"]["float"], expected(service, {"text": TEXT}, {"text": OTHER}))
    assert set(told["embeddings"]) == {"float"}
    assert told["response_type"] == "embeddings_by_type"
    assert told["texts"] == [TEXT, OTHER]
    units = told["meta"]["billed_units"]
    assert units["input_tokens"] > 6
    assert units["images"] == 0


def test_images_are_embedded(service: Api) -> None:
    told = embed(service, images=[DATA_URI, BASE64], texts=[])
    assert_same(told["embeddings"]["float"], expected(service, IMAGE, IMAGE))
    assert told["meta"]["billed_units"] == {"input_tokens": 0, "images": 2}


def test_a_data_uri_among_texts_is_an_image(service: Api) -> None:
    told = embed(service, texts=[TEXT, DATA_URI])
    assert_same(told["embeddings"]["float"], expected(service, {"text": TEXT}, IMAGE))
    assert told["meta"]["billed_units"]["images"] == 1


def test_inputs_have_several_parts(service: Api) -> None:
    text = {"type": "text", "text": TEXT}
    image = {"type": "image_url", "image_url": {"url": DATA_URI}}
    told = embed(service, inputs=[{"content": [text]}, {"content": [text, image]}])
    alone = expected(service, {"text": TEXT}, IMAGE)
    assert_same(told["embeddings"]["float"], np.stack([alone[0], mean(alone)]))
    assert told["meta"]["billed_units"]["images"] == 1


def test_each_type_that_is_wanted_comes(service: Api) -> None:
    types = ["base64", "ubinary", "binary", "int8", "uint8"]
    told = embed(service, texts=[TEXT], embedding_types=types)["embeddings"]
    assert set(told) == set(types)
    [row] = expected(service, {"text": TEXT})
    assert_same(np.frombuffer(base64.b64decode(told["base64"][0]), "<f4"), row)
    assert told["ubinary"] == [np.packbits(row > 0).tolist()]
    assert told["binary"][0][0] == told["ubinary"][0][0] - 128
    assert told["int8"][0] == pytest.approx(row * 127, abs=1)
    assert told["uint8"][0] == pytest.approx((row + 1) * 127.5, abs=1)


def test_long_texts_are_truncated_unless_that_is_refused(service: Api) -> None:
    assert_same(
        embed(service, texts=[LONG], truncate="END")["embeddings"]["float"],
        expected(service, {"text": LONG}),
    )
    for _ in range(2):  # the second time from the cache
        refused = service.post(PATH, {"texts": [TEXT, LONG], "truncate": "NONE"})
        assert refused.status_code == 400
        assert refused.json()["message"] == "texts[1] is longer than the model's context"


def test_version_1_has_plain_lists_unless_types_are_wanted(service: Api) -> None:
    body = {"model": DEMO_MODEL.name, "texts": [TEXT, OTHER], "images": None}
    told = service.post("/v1/embed", body | {"embedding_types": None}).json()
    vectors = expected(service, {"text": TEXT}, {"text": OTHER})
    assert_same(told["embeddings"], vectors)
    assert told["response_type"] == "embeddings_floats"
    assert told["texts"] == [TEXT, OTHER]
    assert told["meta"]["api_version"] == {"version": "1"}
    told = service.post("/v1/embed", body | {"embedding_types": ["float"]}).json()
    assert_same(told["embeddings"]["float"], vectors)
    assert told["response_type"] == "embeddings_by_type"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "exactly one of texts, images and inputs"),
        ({"texts": [TEXT], "images": [DATA_URI]}, "exactly one of texts, images and inputs"),
        ({"texts": [TEXT, 3]}, "texts[1] must be a string"),
        ({"texts": TEXT}, "texts "),
        ({"texts": ["a"] * 1001}, "texts has 1001 items; the limit is 1000"),
        ({"images": [DATA_URI, BAD]}, "images[1] is not an image of a known"),
        ({"inputs": [{"content": []}]}, "inputs[0].content needs at least one"),
        ({"texts": [TEXT], "embedding_types": ["hex"]}, "embedding_types[0] must be one of float"),
        ({"texts": [TEXT], "truncate": "false"}, "truncate must be NONE, START or END"),
        ({"texts": [TEXT], "output_dimension": 7}, "output_dimension must be "),
    ],
)
def test_bad_input_is_400_and_named(service: Api, body: Any, message: str) -> None:
    answer = service.post(PATH, body)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"id", "message"}
    assert message in answer.json()["message"]
    assert answer.json()["id"] == answer.headers["X-Request-Id"]


def test_no_error_suggests_items_of_ours(service: Api) -> None:
    for body in ({"texts": TEXT}, {"images": DATA_URI}, {"inputs": {"content": [TEXT]}}):
        [key] = body
        assert service.post(PATH, body).json()["message"] == f"{key} must be an array"


@pytest.mark.parametrize("path", [PATH, "/v1/embed"])
def test_refusals_have_its_shape(service: Api, make_client: ClientMaker, path: str) -> None:
    def post(client: FlaskClient, headers: Headers, model: str) -> TestResponse:
        body = {"texts": ["not seen by cohere", "nor was this"]}
        return client.post(path, json=body | ({"model": model} if model else {}), headers=headers)

    assert_refusals(make_client, post, f"{KEY}{path}", {"id", "message"})
    assert service.get(path).status_code == 405
    assert set(service.post("/v2/classify", {}).json()) == {"id", "message"}
