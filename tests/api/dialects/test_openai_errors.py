"""Errors in OpenAI's shape, wherever they are raised."""

import base64
from typing import Any

import pytest

from tests.conftest import ClientMaker
from tests.processes import DEMO_MODEL, Api
from tests.scrape import Scrape

KEY = "a-key-0123456789abcdef"
BAD = base64.b64encode(b"no image").decode()
PATH = "/v1/embeddings"


def error(told: Any) -> tuple[str, str | None, str | None]:
    assert set(told) == {"error", "detail"}
    assert set(told["error"]) == {"message", "type", "param", "code"}
    assert told["detail"] == told["error"]["message"]
    return told["error"]["type"], told["error"]["param"], told["error"]["code"]


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "input", "missing"),
        ({"input": []}, "input", "too_few"),
        ({"input": ["a", 3.5]}, "input[1]", "wrong_type"),
        ({"input": [{}]}, "input[0]", "empty_item"),
        ({"input": {"type": "audio_url", "audio_url": "a"}}, "input", "unsupported"),
        ({"input": [[1212, 318]]}, "input[0]", "token_ids"),
        ({"input": [1212, 318]}, "input", "token_ids"),
        ({"input": [["a"]]}, "input[0]", "wrong_type"),
        ({"input": ["a", {"image": BAD}]}, "input[1].image", "not_an_image"),
        ({"input": ["a", {"image": "%"}]}, "input[1].image", "invalid_base64"),
        ({"input": ["file:///etc/passwd"], "modality": "image"}, "input[0]", "url_refused"),
        ({"input": [{"image": "http://10.0.0.1/a"}]}, "input[0].image", "url_refused"),
        ({"input": [{"text": 3}]}, "input[0].text", "wrong_type"),
        ({"input": [{"image": {"a": 1}}]}, "input[0].image", "wrong_type"),
        ({"input": [{"content": []}]}, "input[0].content", "too_few"),
        ({"input": [{"content": ["a", {"url": BAD}]}]}, "input[0].content[1].url", "not_an_image"),
        ({"messages": [{"role": "system", "content": "a"}]}, "messages", "too_few"),
        ({"messages": ["a"]}, "messages[0]", "wrong_type"),
        ({"input": "a", "modality": "audio"}, "modality", "unsupported"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format", "unknown_value"),
        ({"input": "a", "embedding_type": ["float", "int8"]}, "embedding_type", "unknown_value"),
        ({"input": "a", "encoding_format": 3}, "encoding_format", "unknown_value"),
        ({"input": "a", "embedding_type": [3]}, "embedding_type", "unknown_value"),
        ({"input": "a", "dimensions": "many"}, "dimensions", "wrong_type"),
        ({"input": "a", "dimensions": 1.5}, "dimensions", "wrong_type"),
        ({"input": "a", "dimensions": 1 << 64}, "dimensions", "wrong_type"),
        ({"input": "a", "normalized": "maybe"}, "normalized", "wrong_type"),
        ([], None, "wrong_type"),
    ],
)
def test_bad_input_is_400_and_named(service: Api, body: Any, param: str, code: str) -> None:
    answer = service.post(PATH, body)
    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert error(answer.json()) == ("invalid_request_error", param, code)
    if param:
        assert answer.json()["detail"].startswith(param)


def test_too_many_messages_are_named(service: Api) -> None:
    body = {"messages": [[{"role": "user", "content": "a"}]] * 1001}
    told = service.post(PATH, body).json()["detail"]
    assert told == "messages has 1001 items; the limit is 1000"


def test_a_list_of_tokens_is_told_what_to_do(service: Api) -> None:
    for tokens in ([[1212, 318]], [[1212] * 100] * 500):
        answer = service.post(PATH, {"input": tokens})
        assert answer.status_code == 400
        assert "check_embedding_ctx_length=False" in answer.json()["detail"]


def test_true_is_no_number_of_dimensions(make_client: ClientMaker) -> None:
    client = make_client(matryoshka_models=DEMO_MODEL.name)
    answer = client.post(PATH, json={"input": "a", "dimensions": True})
    assert error(answer.get_json()) == ("invalid_request_error", "dimensions", "wrong_type")
    assert answer.get_json()["detail"] == "dimensions must be a whole number"


def test_all_that_is_at_fault_is_named(service: Api) -> None:
    answer = service.post(PATH, {"input": ["a"] * 10 + [{"image": BAD}] + [{"url": BAD}]})
    first, second = answer.json()["detail"].split("; ")
    assert first.startswith("input[10].image is not an image")
    assert second.startswith("input[11].url is not an image")


def test_an_unknown_model_is_404_and_never_another_model(service: Api) -> None:
    answer = service.post(PATH, {"input": "a", "model": "text-embedding-3-large"})
    assert answer.status_code == 404
    assert error(answer.json()) == ("invalid_request_error", "model", "model_not_found")


def test_an_alias_of_no_model_is_named_as_the_client_wrote_it(make_client: ClientMaker) -> None:
    client = make_client(model_aliases="jina-clip-v2=no/such-model")
    answer = client.post(PATH, json={"input": "a", "model": "jina-clip-v2"})
    assert answer.status_code == 404
    detail = answer.get_json()["detail"]
    assert detail.startswith("model is 'jina-clip-v2', which is not served")
    assert "no/such-model" not in detail


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", PATH, 405),
        ("DELETE", "/embeddings", 405),
        ("GET", "/v1/files", 404),
        ("POST", "/v1/chat/completions", 404),
    ],
)
def test_what_is_not_there_is_told_in_its_shape(
    service: Api, method: str, path: str, status: int
) -> None:
    answer = service.session.request(method, service.url + path, json={}, timeout=9)
    assert answer.status_code == status
    error(answer.json())
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize("path", ["/rank", "/models/a", "/v2"])
def test_other_paths_keep_our_shape(service: Api, path: str) -> None:
    assert service.get(path).headers["Content-Type"] == "application/problem+json"


def test_refusals_before_the_route_have_its_shape(make_client: ClientMaker) -> None:
    client = make_client(api_keys=KEY, rate_limit="2 per hour", max_body_bytes=100)
    key = {"Authorization": f"Bearer {KEY}"}
    unauthorized = client.post(PATH, json={"input": "a"})
    assert unauthorized.status_code == 401
    assert error(unauthorized.get_json()) == ("authentication_error", None, "invalid_api_key")
    assert unauthorized.headers["WWW-Authenticate"] == "Bearer"
    large = client.post(PATH, json={"input": "a" * 100}, headers=key)
    assert large.status_code == 413
    assert error(large.get_json()) == ("invalid_request_error", None, "body_too_large")
    text = client.post(PATH, data="a", headers={**key, "Content-Type": "text/plain"})
    assert text.status_code == 415
    assert "must be application/json" in text.get_json()["error"]["message"]
    limited = client.post(PATH, json={"input": "a"}, headers=key)
    assert limited.status_code == 429
    assert error(limited.get_json()) == ("rate_limit_error", None, "rate_limit_exceeded")
    assert 0 < int(limited.headers["Retry-After"]) <= 3600


@pytest.mark.parametrize("scheme", ["Bearer", "Basic"])
def test_a_key_may_be_a_password(make_client: ClientMaker, scheme: str) -> None:
    client = make_client(api_keys=KEY)
    shown = {"Bearer": KEY, "Basic": base64.b64encode(f"any:{KEY}".encode()).decode()}
    headers = {"Authorization": f"{scheme} {shown[scheme]}"}
    assert client.post(PATH, json={"input": "a"}, headers=headers).status_code == 200
    wrong = {"Authorization": "Basic " + base64.b64encode(b"any:wrong").decode()}
    assert client.post(PATH, json={"input": "a"}, headers=wrong).status_code == 401


def test_a_full_queue_is_503_with_a_time_to_retry(make_client: ClientMaker) -> None:
    client = make_client(max_open_items=1)
    answer = client.post(PATH, json={"input": ["never seen before", "nor was this"]})
    assert answer.status_code == 503
    assert error(answer.get_json()) == ("server_error", None, "queue_full")
    assert int(answer.headers["Retry-After"]) > 0


def test_without_a_worker_it_says_what_is_missing(redis_url: str, make_api: ClientMaker) -> None:
    answer = make_api(redis_url=redis_url).post(PATH, json={"input": "a"})
    assert answer.status_code == 503
    assert error(answer.get_json()) == ("server_error", None, "no_worker")
    detail = answer.get_json()["detail"]
    assert detail.startswith("No worker is serving this model: start a worker for it")


def test_a_title_is_not_told_twice(make_client: ClientMaker) -> None:
    client = make_client(max_body_bytes=100)
    large = client.post(PATH, json={"input": "a" * 100})
    assert large.get_json()["detail"] == "The body is too large"
    broken = client.post(PATH, data="{", content_type="application/json")
    assert broken.get_json()["detail"].startswith("The body is not valid JSON: ")


def test_too_many_inputs_are_refused(make_client: ClientMaker) -> None:
    client = make_client(max_queries=2)
    answer = client.post(PATH, json={"input": ["a"] * 3})
    assert answer.status_code == 400
    assert error(answer.get_json()) == ("invalid_request_error", "input", "too_many")


def test_without_redis_it_is_503(make_api: ClientMaker) -> None:
    answer = make_api(redis_url="redis://127.0.0.1:1/0").post(PATH, json={"input": "a"})
    assert answer.status_code == 503
    assert error(answer.get_json()) == ("server_error", None, "broker_away")


def test_its_requests_are_counted_as_its(service: Api) -> None:
    def total(status: str, **labels: str) -> float:
        scrape = Scrape.of(service.url)
        return scrape.total("clip_requests_total", status=status, **labels)

    before = total("200", dialect="openai"), total("400", dialect="openai")
    service.post(PATH, {"input": "a"})
    service.post(PATH, {"input": []})
    assert total("200", dialect="openai") == before[0] + 1
    assert total("400", dialect="openai") == before[1] + 1
    assert total("200", dialect="openai", route="/rank") == 0
