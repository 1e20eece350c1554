"""The body of a request, as bytes on the wire of a real gunicorn."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.request.body import TOKENS_AROUND, TOKENS_PER_ITEM, has_more_tokens
from api.request.schemas import MAX_TEMPLATES
from tests.conftest import ClientMaker
from tests.processes import Api, start_api
from tests.raw_http import RawAnswer, RawConnection, chunked, request

LIMIT = 100_000
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
BODY = b'[{"text": "a t-shirt"}]'
WITH_BOM = b"\xef\xbb\xbf" + BODY
LAST_CHUNK = b"0\r\n\r\n"
LEVELS = [1_000, 1_025, 10_000, 1_000_000, 50_000_000]


def length(content: bytes | int) -> str:
    return f"Content-Length: {content if isinstance(content, int) else len(content)}"


@pytest.fixture(scope="module")
def api(service: Api, folder: Path, service_redis_url: str) -> Iterator[Api]:
    """Beside `service`, on its worker, with a small limit."""
    api = start_api(folder, service_redis_url, max_body_bytes=LIMIT)
    yield api
    api.stop()


def answer_to(api: Api, content: bytes, *, half_closed: bool = False) -> RawAnswer:
    with RawConnection(api.url) as connection:
        connection.send(content)
        if half_closed:
            connection.finish_sending()
        answer = connection.receive()
        assert answer is not None
        return answer


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (request("/encode", JSON, length(BODY), body=BODY), 200),
        (request("/encode", JSON, CHUNKED, body=chunked(BODY, 5) + LAST_CHUNK), 200),
        (request("/encode", JSON, "Content-Encoding: identity", length(BODY), body=BODY), 200),
        (request("/encode", JSON, length(WITH_BOM), body=WITH_BOM), 200),
        (request("/encode", JSON), 400),
        (request("/nothing", JSON, length(BODY), body=BODY), 404),
        (request("/healthz", length(BODY), method="GET", body=BODY), 200),
        (request("/encode", "Content-Type: text/plain", length(BODY), body=BODY), 415),
        (request("/encode", JSON, "Content-Encoding: gzip", length(BODY), body=BODY), 415),
        (request("/rank", JSON, length(BODY), body=BODY), 422),
    ],
)
def test_a_connection_goes_on_after_any_body_that_is_framed(
    api: Api, content: bytes, status: int
) -> None:
    with RawConnection(api.url) as connection:
        for _ in range(3):
            connection.send(content)
            answer = connection.receive()
            assert answer is not None
            assert answer.status == status, answer.body


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_a_body_in_utf_16_has_its_own_error(api: Api, encoding: str) -> None:
    body = ("\ufeff" * (encoding == "utf-16-be") + BODY.decode()).encode(encoding)
    problem = answer_to(api, request("/encode", JSON, length(body), body=body)).problem
    assert problem["code"] == "not_json"
    assert "UTF-16" in problem["detail"]


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1, 2 * LIMIT])
@pytest.mark.parametrize("is_chunked", [True, False])
def test_the_limit_holds_to_the_byte(api: Api, size: int, is_chunked: bool) -> None:
    body = BODY + b" " * (size - len(BODY))
    if is_chunked:
        content = request("/encode", JSON, CHUNKED, body=chunked(body) + LAST_CHUNK)
    else:
        content = request("/encode", JSON, length(body), body=body)
    answer = answer_to(api, content)
    assert answer.status == (200 if size == LIMIT else 413)
    assert size == LIMIT or answer.problem["code"] == "body_too_large"


def test_a_body_without_end_is_refused_while_it_comes(api: Api) -> None:
    answer = answer_to(api, request("/encode", JSON, CHUNKED, body=chunked(b" " * 2 * LIMIT)))
    assert answer.problem["code"] == "body_too_large"


@pytest.mark.parametrize("told", [LIMIT + 1, 2**31, 10**100])
def test_a_length_over_the_limit_is_refused_before_the_body(api: Api, told: int) -> None:
    answer = answer_to(api, request("/encode", JSON, length(told)))
    assert answer.problem["code"] == "body_too_large"


@pytest.mark.parametrize(
    "content",
    [
        request("/encode", JSON, length(500), body=BODY),
        request("/encode", JSON, CHUNKED, body=chunked(BODY)),
        request("/encode", JSON, CHUNKED, body=chunked(BODY)[:-9]),
        request("/encode", JSON, CHUNKED, body=b"not hexadecimal\r\n" + BODY),
        request("/encode", JSON, CHUNKED, body=b"3\r\n" + BODY),
        request("/encode", JSON, CHUNKED, body=b"3;" + b"x" * 20_000),
    ],
)
def test_a_body_that_breaks_off_is_not_taken_for_a_shorter_one(api: Api, content: bytes) -> None:
    with RawConnection(api.url) as connection:
        connection.send(content)
        connection.finish_sending()
        answer = connection.receive()
        assert answer is not None
        assert (answer.status, answer.problem["code"]) == (400, "broken_body")
        assert connection.is_closed()


@pytest.mark.parametrize("excess", [LIMIT, 50 * LIMIT])
def test_what_was_not_read_is_never_taken_for_the_next_request(api: Api, excess: int) -> None:
    """The body is full of requests; only the one before it may be answered."""
    smuggled = request("/jobs/smuggled", method="GET")
    body = smuggled * (LIMIT // len(smuggled) + 1 + excess // len(smuggled))
    with RawConnection(api.url) as connection:
        connection.send(request("/encode", JSON, length(body), body=body))
        answer = connection.receive()
        # Who is still sending much when the server hangs up may miss the answer: that is TCP.
        assert (answer is None and excess > LIMIT) or (answer and answer.status == 413)
        assert connection.is_closed()


def test_more_than_the_length_says_is_another_request(api: Api) -> None:
    with RawConnection(api.url) as connection:
        connection.send(request("/encode", JSON, length(BODY), body=BODY + b"surplus\r\n\r\n"))
        first, second = connection.receive(), connection.receive()
        assert first is not None
        assert second is not None
        assert (first.status, second.status) == (200, 400)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "identity, gzip", "x", "ü"])
def test_a_content_encoding_is_refused_clearly(api: Api, encoding: str) -> None:
    body = gzip.compress(BODY)
    told = f"Content-Encoding: {encoding}"
    answer = answer_to(api, request("/encode", JSON, told, length(body), body=body))
    assert (answer.status, answer.problem["code"]) == (415, "unsupported_encoding")
    assert answer.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"NaN",
        b'[{"text": NaN}]',
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e999]",
        b'[{"text": "\\ud800"}]',
        b'[{"text": "\\udc00\\ud800"}]',
        b'[{"text": "\xff"}]',
        b'[{"text": "\xed\xa0\x80"}]',
        b'[{"text": "\xc0\x80"}]',
        b'[{"text": "\x00"}]',
        b'[{"text": "a\nb"}]',
        b"\xef\xbb\xbf" + WITH_BOM,
        BODY.decode().encode("utf-16"),
        BODY + b"\x00",
        BODY + BODY,
        b"[{'text': 'a'}]",
        b"// no comment\n" + BODY,
        b'[{"text": "a"},]',
        b'"' + b"\\" * 999,
    ],
)
def test_what_is_nearly_json_is_not_json(make_client: ClientMaker, body: bytes) -> None:
    answer = make_client().post("/encode", data=body, content_type="application/json")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "not_json")


def test_the_last_of_equal_keys_counts(make_client: ClientMaker) -> None:
    client = make_client()
    twice = client.post("/encode", data=b'[{"text": "a", "text": "b"}]', content_type="text/json")
    assert twice.status_code == 415
    json_type = "application/json"
    twice = client.post("/encode", data=b'[{"text": 1, "text": "b"}]', content_type=json_type)
    assert twice.get_json() == client.post("/encode", json=[{"text": "b"}]).get_json()


@pytest.mark.parametrize(
    "text", ["\x00", "a\x00b", "\x7f\x1b[2J", "\u2028\ufeff\uffff", "👩‍👩‍👧‍👦"]
)
def test_control_characters_in_a_text_are_just_encoded(service: Api, text: str) -> None:
    assert len(service.post("/encode", [{"text": text}]).json()) == 1


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_no_depth_ends_the_process(make_client: ClientMaker, levels: int, opening: bytes) -> None:
    body = opening * (levels * len(b"[") // len(opening))
    client = make_client()
    answer = client.post("/encode", data=body, content_type="application/json")
    assert answer.status_code == 400
    closed = b"[" * levels + b"]" * min(levels, 10_000_000)
    answer = client.post("/encode", data=closed, content_type="application/json")
    assert answer.status_code == (422 if levels == 1_000 else 400)


def test_more_values_than_a_request_may_have_are_refused_unparsed(make_client: ClientMaker) -> None:
    client = make_client(max_queries=10, max_candidates=10)
    many = TOKENS_AROUND + TOKENS_PER_ITEM * (20 + MAX_TEMPLATES) + 1
    for body in (b"1," * many, b"[" * many, b'{"queries":[' + b"[]," * many, b'"",' * many):
        answer = client.post("/rank", data=body, content_type="application/json")
        assert (answer.status_code, answer.get_json()["code"]) == (400, "too_many_values")


def test_the_most_spacious_request_within_the_limits_is_served(make_client: ClientMaker) -> None:
    item = {"text": ',[{"\\' * 3, "img_uri": None, "img_blob": None}
    body = {
        "queries": [item] * 10,
        "candidates": [item] * 10,
        "templates": ['{},[{"\\'] * MAX_TEMPLATES,
        "allow_partial": False,
    }
    assert (
        make_client(max_queries=10, max_candidates=10).post("/rank", json=body).status_code == 200
    )


def test_punctuation_in_texts_is_not_counted() -> None:
    text = json.dumps([{"text": ',[{"\\"\\\\' * 1000}]).encode()
    assert not has_more_tokens(text, 5)
    assert has_more_tokens(text, 3)


@pytest.mark.parametrize(
    "body", [b'"' * 999_999, b'"' + b'\\"' * 999_999, b'"' + b"," * 999_999, b"\\" * 999_999 + b","]
)
def test_a_string_that_never_ends_costs_linear_time(body: bytes) -> None:
    assert has_more_tokens(body + b"," * 999, 2_000_000) is False
    has_more_tokens(body, 0)
