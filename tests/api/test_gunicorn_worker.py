"""Answers of the server to requests that do not reach the application."""

import pytest

from tests.processes import Api
from tests.raw_http import RawConnection, request


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


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "SCRIPT-NAME", "PATH_INFO"])
@pytest.mark.parametrize("value", ["/healthz", "/elsewhere"])
def test_no_header_changes_the_path(service: Api, name: str, value: str) -> None:
    with RawConnection(service.url) as connection:
        connection.send(request("/healthz", f"{name}: {value}", method="GET"))
        answer = connection.receive()
    assert answer is not None
    assert answer.status == 200
    assert answer.body == b'{"status":"ok"}'
