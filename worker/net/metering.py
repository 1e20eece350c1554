"""A limit on everything that a server sends: headers, framing and body."""

import http.client
import io
import socket
from typing import Any

from common.errors import ClipError, FetchFailed, ImageTooLarge

MAX_HEADER_BYTES = 65_536
FRAMING = 2
"""A body may take this many times its size on the wire, because chunks have headers."""


class Meter(io.RawIOBase):
    """Reads from another stream until its allowance is used up."""

    def __init__(self, stream: io.RawIOBase, allowance: int, excess: ClipError) -> None:
        self._stream = stream
        self.allow(allowance, excess)

    def allow(self, allowance: int, excess: ClipError) -> None:
        """Allow `allowance` bytes from now on; reading more raises `excess`."""
        self._left, self._excess = allowance, excess

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:  # noqa: ANN401
        count: int | None = self._stream.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise self._excess
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


class MeteredResponse(http.client.HTTPResponse):
    """A response with at most 64 KiB of headers, then at most `max_bytes` plus framing.

    http.client limits neither the number of interim responses nor the length of a line between two
    chunks.
    """

    def __init__(
        self,
        sock: socket.socket,
        debuglevel: int = 0,
        method: str | None = None,
        url: str | None = None,
        *,
        max_bytes: int,
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp.close()
        excess = FetchFailed("could not be fetched: its headers are too large")
        self._meter = Meter(sock.makefile("rb", buffering=0), MAX_HEADER_BYTES, excess)
        self._max_bytes = max_bytes
        self.fp = io.BufferedReader(self._meter)

    def begin(self) -> None:
        super().begin()
        excess = ImageTooLarge(f"has more than the {self._max_bytes} bytes allowed")
        self._meter.allow(FRAMING * self._max_bytes + MAX_HEADER_BYTES, excess)
