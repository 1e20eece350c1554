"""HTTP as raw bytes on a socket, for requests that no client library would send."""

import http.client
import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class RawAnswer:
    """One answer of the server."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The body of an error, in the one shape that all have."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body[:200]
        problem: dict[str, Any] = json.loads(self.body)
        assert problem["status"] == self.status
        return problem


class RawConnection:
    """A connection to the API on which anything may be said."""

    def __init__(self, url: str, timeout_s: float = 30.0) -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        assert address.port is not None
        self._socket = socket.create_connection((address.hostname, address.port), timeout_s)
        self._reader = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self._socket.close()

    def send(self, content: bytes) -> None:
        """Send this, or as much of it as the server takes before it hangs up."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(content)

    def finish_sending(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def receive(self, method: str = "GET") -> RawAnswer | None:
        """The next answer; None when the server closed the connection without one."""
        response = http.client.HTTPResponse(_Kept(self._reader), method=method)  # type: ignore[arg-type]
        try:
            response.begin()
            body = response.read()
        except (http.client.BadStatusLine, ConnectionResetError):
            return None
        return RawAnswer(response.status, response.headers, body)

    def is_closed(self) -> bool:
        """Whether the server has ended the connection, or does within the timeout."""
        try:
            return self._reader.read(1) == b""
        except ConnectionResetError:
            return True


class _Kept:
    """What HTTPResponse reads from, kept open when it is done: more answers may follow."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def makefile(self, *_: object) -> "_Kept":
        return self

    def close(self) -> None: ...

    def flush(self) -> None: ...

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


def request(path: str, *headers: str, method: str = "POST", body: bytes = b"") -> bytes:
    """The bytes of a request, with these headers and no others."""
    lines = [f"{method} {path} HTTP/1.1", "Host: test", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def json_request(path: str, body: bytes) -> bytes:
    """The bytes of a request that carries JSON."""
    headers = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    return request(path, *headers, body=body)


def chunked(content: bytes, size: int = 1000) -> bytes:
    """The chunks of a body, without the last."""
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
