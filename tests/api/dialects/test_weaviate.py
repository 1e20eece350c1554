"""What Weaviate asks an inference container, with the headers of its client."""

import base64
import json
import time
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api.dialects.vectors import BAD, BASE64, IMAGE, OTHER, TEXT, assert_same, expected
from tests.conftest import ClientMaker
from tests.processes import DEMO_MODEL, Api

KEY = "a-key-of-weaviate-0123456789"
BASIC = "Basic " + base64.b64encode(f"any:{KEY}".encode()).decode()
PATIENCE_S = 0.5
HEADERS = {"User-Agent": "Go-http-client/1.1", "Accept-Encoding": "gzip"}


def ask(service: Api, method: str, path: str, body: Any = None) -> tuple[int, bytes, float]:
    """As Go's client sends it: no Content-Type, a Content-Length."""
    connection = HTTPConnection(urlsplit(service.url).netloc, timeout=60)
    content = None if body is None else json.dumps(body).encode()
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in HEADERS.items():
        connection.putheader(name, value)
    if content is not None:
        connection.putheader("Content-Length", str(len(content)))
    started = time.monotonic()
    connection.endheaders(content)
    answer = connection.getresponse()
    found = answer.status, answer.read(), time.monotonic() - started
    connection.close()
    return found


def vectorize(service: Api, body: Any) -> tuple[int, Any]:
    status, content, _ = ask(service, "POST", "/vectorize", body)
    return status, json.loads(content)


@pytest.mark.parametrize(
    "body",
    [
        {"texts": [TEXT, OTHER], "images": [BASE64]},
        {"texts": [TEXT, OTHER], "images": None},
        {"texts": [], "images": [BASE64, BASE64]},
        {"texts": None, "images": None},
        {},
    ],
)
def test_vectors_come_in_order(service: Api, body: Any) -> None:
    status, told = vectorize(service, body)
    assert status == 200
    assert set(told) == {"textVectors", "imageVectors"}
    texts, images = body.get("texts") or [], body.get("images") or []
    items = [{"text": text} for text in texts] + [IMAGE for _ in images]
    wanted = expected(service, *items).tolist() if items else []
    for got, known in zip(told["textVectors"] + told["imageVectors"], wanted, strict=True):
        assert_same(got, known)
    assert len(told["textVectors"]) == len(texts)


def test_it_waits_until_the_service_is_ready(service: Api, make_api: ClientMaker) -> None:
    for path in ("/.well-known/live", "/.well-known/ready"):
        tries = [ask(service, "GET", path) for _ in range(3)]
        assert {(status, content) for status, content, _ in tries} == {(204, b"")}
        assert min(seconds for _, _, seconds in tries) < PATIENCE_S
    away = make_api(redis_url="redis://127.0.0.1:1/0", api_keys=KEY)
    assert away.get("/.well-known/live").status_code == 204
    assert away.get("/.well-known/ready").status_code == 503


def test_its_meta_has_the_model(service: Api, make_api: ClientMaker, redis_url: str) -> None:
    status, content, _ = ask(service, "GET", "/meta")
    told = json.loads(content)
    assert status == 200
    assert told["model"] == DEMO_MODEL.name
    assert told["dimension"] == len(expected(service, IMAGE)[0])
    assert told["family"]
    nobody = make_api(redis_url=redis_url).get("/meta").get_json()
    assert nobody == dict.fromkeys(("model", "revision", "family", "dimension"))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"texts": [TEXT], "images": [BAD]}, "images[0] is not an image"),
        ({"texts": [TEXT, 3]}, "texts[1] must be a string"),
        ({"texts": TEXT}, "texts"),
        ([], "array"),
    ],
)
def test_errors_are_json(service: Api, body: Any, error: str) -> None:
    status, told = vectorize(service, body)
    assert status == 400
    assert set(told) == {"error"}
    assert error in told["error"] or isinstance(body, list)


def test_a_key_is_the_password_of_its_url(make_client: ClientMaker) -> None:
    client = make_client(api_keys=KEY)
    headers = {"Authorization": BASIC}
    body = json.dumps({"texts": [TEXT]}).encode()
    assert client.post("/vectorize", data=body, headers=headers).status_code == 200
    assert client.get("/meta", headers=headers).status_code == 200
    assert client.get("/meta").status_code == 401
    for path in ("/.well-known/live", "/.well-known/ready"):
        assert client.get(path).status_code == 204


def test_refusals_have_its_shape(make_client: ClientMaker) -> None:
    client = make_client(api_keys=KEY, max_open_items=1, rate_limit="1 per hour")
    body = json.dumps({"texts": ["not seen by weaviate", "nor was this"]}).encode()
    answers = [
        client.post("/vectorize", data=body, headers={"Authorization": BASIC}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [503, 429]
    assert all(set(answer.get_json()) == {"error"} for answer in answers)
