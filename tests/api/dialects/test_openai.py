"""OpenAI's embeddings, and what Infinity, Jina, SGLang, Elasticsearch and vLLM add."""

import base64
from typing import Any

import numpy as np
import pytest
import requests

from tests.conftest import ClientMaker
from tests.image_server import ImageServer
from tests.images import encoded, image_item, noise
from tests.processes import DEMO_MODEL, Api

PNG = encoded(noise(96, 80))
BASE64 = base64.b64encode(PNG).decode()
DATA_URI = f"data:image/png;base64,{BASE64}"
TEXT, OTHER = "a cat", "a dog"


def expected(service: Api, *items: dict[str, str]) -> Any:
    """The vectors of /encode, of unit length."""
    rows = np.array(service.post("/encode", list(items)).json())
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def embed(service: Api, path: str = "/v1/embeddings", **body: Any) -> Any:
    answer = service.post(path, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def vectors(told: Any) -> Any:
    assert [each["index"] for each in told["data"]] == list(range(len(told["data"])))
    return np.array([each["embedding"] for each in told["data"]])


def assert_same(told: Any, wanted: Any) -> None:
    got = vectors(told)
    assert got.shape == wanted.shape
    assert got == pytest.approx(wanted, abs=2e-4)


def test_texts_have_vectors_of_unit_length_and_their_tokens_are_counted(service: Api) -> None:
    told = embed(service, input=[TEXT, OTHER, TEXT], model=DEMO_MODEL.name)
    assert_same(told, expected(service, {"text": TEXT}, {"text": OTHER}, {"text": TEXT}))
    assert told["object"] == "list"
    assert told["model"] == DEMO_MODEL.name
    usage = told["usage"]
    assert usage["prompt_tokens"] == usage["total_tokens"] > 9
    again = embed(service, input=[TEXT, OTHER, TEXT])
    assert again["usage"] == usage, "the cache knows them too"
    assert again["id"] != told["id"]


@pytest.mark.parametrize("path", ["/v1/embeddings", "/embeddings", "/v1/embeddings/"])
def test_a_single_string_is_a_text(service: Api, path: str) -> None:
    assert_same(embed(service, path, input=TEXT), expected(service, {"text": TEXT}))


@pytest.mark.parametrize(
    "given",
    [
        {"image": DATA_URI},
        {"image": BASE64},
        {"image": {"url": DATA_URI}},
        {"text": None, "image": BASE64, "model_id": "ignored"},
        {"url": DATA_URI},
        {"bytes": BASE64},
        {"type": "image_url", "image_url": {"url": DATA_URI, "detail": "low"}},
        {"type": "image_url", "image_url": DATA_URI},
        {"type": "image_base64", "image_base64": BASE64},
        {"type": "image_base64", "image_base64": {"base64": BASE64}},
        {"type": "image", "format": "base64", "value": DATA_URI},
        {"content": [{"type": "image_url", "image_url": {"url": DATA_URI}}]},
        {"content": [{"type": "image", "format": "base64", "value": BASE64}]},
    ],
)
def test_an_image_is_read_in_every_form(service: Api, given: Any) -> None:
    told = embed(service, input=[given])
    assert_same(told, expected(service, image_item()))
    assert told["usage"] == {"prompt_tokens": 0, "total_tokens": 0}


@pytest.mark.parametrize(
    "given",
    [
        {"text": TEXT},
        {"type": "text", "text": TEXT},
        {"type": "text", "format": "text", "value": TEXT},
        {"content": TEXT},
        {"content": [{"type": "text", "text": TEXT}]},
        {"content": [TEXT]},
    ],
)
def test_a_text_is_read_in_every_form(service: Api, given: Any) -> None:
    assert_same(embed(service, input=given), expected(service, {"text": TEXT}))


def test_an_image_behind_a_url_is_fetched(service: Api, image_server: ImageServer) -> None:
    url = image_server.serve(PNG)
    wanted = expected(service, image_item(), {"text": TEXT})
    assert_same(embed(service, input=[{"image": url}, TEXT]), wanted)


@pytest.mark.parametrize(
    ("path", "more"), [("/embeddings", {"modality": "image"}), ("/embeddings_image", {})]
)
def test_strings_are_images_as_infinity_has_them(
    service: Api, image_server: ImageServer, path: str, more: dict[str, str]
) -> None:
    told = embed(service, path, input=[DATA_URI, image_server.serve(PNG), BASE64], **more)
    assert_same(told, np.repeat(expected(service, image_item()), 3, axis=0))


@pytest.mark.parametrize(
    "given",
    [
        DATA_URI,
        {"content": [DATA_URI]},
        f" \n{DATA_URI.replace('data:image', 'DATA:IMAGE')}",
        f"data:application/octet-stream;base64,{BASE64}",
        f"data:image/png;name={'%d0%b0' * 50}.png;base64,{BASE64}",
        f"data:image/png;name=a b.png; base64,{BASE64}",
    ],
)
def test_a_data_uri_of_an_image_is_an_image_unless_called_a_text(service: Api, given: Any) -> None:
    assert_same(embed(service, input=[given]), expected(service, image_item()))
    told = embed(service, input=[DATA_URI], modality="text")
    assert_same(told, expected(service, {"text": DATA_URI}))
    told = embed(service, input=[{"text": DATA_URI}])
    assert_same(told, expected(service, {"text": DATA_URI}))


@pytest.mark.parametrize(
    "text", ["data:image/png is how it starts", "\u00a0data:image/png;base64,", "data: a, b"]
)
def test_what_only_looks_like_a_data_uri_is_a_text(service: Api, text: str) -> None:
    assert_same(embed(service, input=[text]), expected(service, {"text": text}))


def test_several_parts_make_the_mean_of_their_unit_vectors(service: Api) -> None:
    parts = [{"type": "text", "text": TEXT}, {"type": "image_url", "image_url": {"url": DATA_URI}}]
    alone = expected(service, {"text": TEXT}, image_item())
    mean = alone.mean(axis=0) / np.linalg.norm(alone.mean(axis=0))
    told = embed(service, input=[{"content": parts}, OTHER, {"text": TEXT, "image": BASE64}])
    assert_same(told, np.stack([mean, *expected(service, {"text": OTHER}), mean]))
    conversation = [
        {"role": "system", "content": "Represent what the user gives."},
        {"role": "user", "content": parts[:1]},
        {"role": None, "content": parts[1:]},
    ]
    assert_same(embed(service, messages=conversation), mean[None])
    assert_same(embed(service, messages=[conversation] * 2), np.stack([mean, mean]))


def test_vectors_are_not_scaled_if_that_is_wanted(service: Api) -> None:
    raw = np.array(service.post("/encode", [{"text": TEXT}]).json())
    assert_same(embed(service, input=[TEXT], normalized=False), raw)


def test_only_vectors_of_length_1_fit_into_bytes(service: Api) -> None:
    for encoding in ("int8", "uint8"):
        raw, unit = (
            embed(service, input=[TEXT], normalized=normalized, encoding_format=encoding)
            for normalized in (False, True)
        )
        assert vectors(raw).tolist() == vectors(unit).tolist()


@pytest.mark.parametrize("key", ["encoding_format", "embedding_type", "encoding_type"])
def test_vectors_come_in_base64_under_each_spelling(service: Api, key: str) -> None:
    for value in ("base64", ["base64"]):
        body: dict[str, Any] = {"input": TEXT, key: value}
        [row] = embed(service, **body)["data"]
        got = np.frombuffer(base64.b64decode(row["embedding"]), "<f4")
        assert got == pytest.approx(expected(service, {"text": TEXT})[0], abs=2e-4)


def test_vectors_come_in_bits_and_bytes(service: Api) -> None:
    [row] = expected(service, {"text": TEXT})

    def embedding(encoding: str) -> Any:
        return embed(service, input=TEXT, encoding_format=encoding)["data"][0]["embedding"]

    bits = np.packbits(row > 0)
    assert embedding("ubinary") == bits.tolist()
    assert embedding("binary") == (bits.astype(int) - 128).tolist()
    assert embedding("int8") == pytest.approx(row * 127, abs=1)
    assert embedding("uint8") == pytest.approx((row + 1) * 127.5, abs=1)


def test_voyage_has_other_names_for_the_same(service: Api, make_client: ClientMaker) -> None:
    [row] = expected(service, {"text": TEXT})
    bits = np.packbits(row > 0)
    for dtype, wanted, read_as in (("int8", row * 127, np.int8), ("ubinary", bits, np.uint8)):
        numbers = embed(service, input=TEXT, output_dtype=dtype)["data"][0]["embedding"]
        assert numbers == pytest.approx(wanted, abs=1)
        told = embed(service, input=TEXT, output_dtype=dtype, encoding_format="base64")
        [packed] = [each["embedding"] for each in told["data"]]
        assert np.frombuffer(base64.b64decode(packed), read_as).tolist() == numbers
    for key, value in (
        ("output_dtype", "hex"),
        ("output_dimension", 7),
        ("truncation", False),
    ):
        answer = service.post("/v1/embeddings", {"input": "word " * 100, key: value})
        assert answer.status_code == 400, key
        assert answer.json()["error"]["param"] == ("input" if key == "truncation" else key)
    client = make_client(matryoshka_models="one", model_aliases=f"one={DEMO_MODEL.name}")
    told = client.post("/v1/embeddings", json={"input": TEXT, "output_dimension": 8}).get_json()
    assert len(told["data"][0]["embedding"]) == 8


def test_null_and_zero_are_as_if_absent_and_unknown_keys_are_ignored(service: Api) -> None:
    told = embed(
        service,
        input=TEXT,
        model="default/not-specified",
        dimensions=0,
        encoding_format=None,
        modality=None,
        normalized=None,
        user="me",
        late_chunking=True,
        task=None,
    )
    assert_same(told, expected(service, {"text": TEXT}))


@pytest.mark.parametrize("kind", [None, "application/x-www-form-urlencoded"])
def test_without_a_content_type_it_is_json(service: Api, kind: str | None) -> None:
    url = f"{service.url}/v1/embeddings?api-version=2024-01-01"
    headers = {"Content-Type": kind}
    answer = requests.post(url, data=b'{"input": "a cat"}', headers=headers, timeout=60)
    assert answer.request.headers.get("Content-Type") == kind
    assert_same(answer.json(), expected(service, {"text": TEXT}))


def test_dimensions_are_for_models_that_are_trained_for_it(
    service: Api, make_client: ClientMaker
) -> None:
    [row] = expected(service, {"text": TEXT})
    body = {"input": TEXT, "dimensions": 8}
    refused = service.post("/v1/embeddings", body)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "dimensions"
    assert_same(embed(service, input=TEXT, dimensions=len(row)), row[None])
    matryoshka = make_client(matryoshka_models=DEMO_MODEL.name)
    told = matryoshka.post("/v1/embeddings", json=body).get_json()
    assert_same(told, (row[:8] / np.linalg.norm(row[:8]))[None])
    for count in (len(row) + 1, -1):
        odd = matryoshka.post("/v1/embeddings", json={**body, "dimensions": count})
        assert odd.status_code == 400
        assert odd.get_json()["error"]["code"] == "too_large"


def test_a_model_has_other_names(service: Api, make_client: ClientMaker) -> None:
    client = make_client(model_aliases=f"text-embedding-3-small={DEMO_MODEL.name},b=nowhere")
    body = {"input": TEXT, "model": "text-embedding-3-small"}
    told = client.post("/v1/embeddings", json=body).get_json()
    assert told["model"] == DEMO_MODEL.name
    assert client.post("/v1/embeddings", json={**body, "model": "b"}).status_code == 404
