"""Answers of the server to requests that do not reach the application."""

import pytest

from tests.processes import Api
from tests.raw_http import RawConnection, json_request, request


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (request("/jobs", "Bad Name: a", method="GET"), 400),
        (request("/jobs", "X-Long: " + "a" * 10_000, method="GET"), 431),
        (request("/jobs", *[f"X-{n}: a" for n in range(200)], method="GET"), 431),
        (request("/" + "a" * 10_000, method="GET"), 414),
        (request("/rank", "Transfer-Encoding: odd"), 501),
        (request("/jobs?" + "a" * 8190, method="GET"), 414),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + b"a" * 100 + b"\r\n\r\n", 400),
        (request("/rank", "Content-Length: 1", "Transfer-Encoding: chunked"), 400),
        (request("/rank", "Expect: 200-ok", "Content-Length: 1"), 417),
    ],
)
def test_a_request_that_cannot_be_read_is_a_problem(
    service: Api, content: bytes, status: int
) -> None:
    with RawConnection(service.url) as connection:
        connection.send(content)
        answer = connection.receive()
        assert answer is not None
        assert answer.status == status
        assert answer.problem["code"] == "bad_request"
        assert connection.is_closed()


def test_a_long_callback_url_in_the_query_is_read(service: Api) -> None:
    url = "https%3A%2F%2Fexample.org%2F" + "%61" * 1700
    with RawConnection(service.url) as connection:
        body = b'[{"text": "a"}]'
        connection.send(json_request(f"/encode?wait=0&callback_url={url}", body))
        answer = connection.receive()
    assert answer is not None
    assert (answer.status, answer.problem["errors"][0]["code"]) == (422, "no_webhooks")


def test_a_request_line_of_the_maximum_length_is_served(service: Api) -> None:
    around = len("GET /healthz? HTTP/1.1")
    with RawConnection(service.url) as connection:
        connection.send(request("/healthz", "Cookie: " + "a" * 8000, method="GET"))
        connection.send(request("/rank/" + "a" * (8190 - around), method="GET"))
        statuses = [answer.status for _ in range(2) if (answer := connection.receive())]
    assert statuses == [200, 404]


def test_headers_of_proxies_that_disagree_are_no_error(service: Api) -> None:
    headers = ("X-Forwarded-Proto: https", "X-Forwarded-Ssl: off")
    with RawConnection(service.url) as connection:
        connection.send(request("/healthz", *headers, method="GET"))
        answer = connection.receive()
    assert answer is not None
    assert answer.status == 200


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "SCRIPT-NAME", "PATH_INFO"])
@pytest.mark.parametrize("value", ["/healthz", "/elsewhere"])
def test_no_header_changes_the_path(service: Api, name: str, value: str) -> None:
    with RawConnection(service.url) as connection:
        connection.send(request("/healthz", f"{name}: {value}", method="GET"))
        answer = connection.receive()
    assert answer is not None
    assert answer.status == 200
    assert answer.body == b'{"status":"ok"}\n'
