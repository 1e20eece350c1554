"""One HTTP/1.1 connection, as cheap as Python allows: prepared bytes out, a status in."""

import re
import socket

from bench.wire import Address

CHUNK_BYTES = 1 << 18
CONNECT_TIMEOUT_S = 10.0
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
LAST_CHUNK = b"\r\n0\r\n\r\n"


class Closed(Exception):
    """The server closed the connection before its answer was complete."""


class Connection:
    """Sends one request at a time and reads its answer, without blocking.

    Reconnects if the server closed the connection after the last answer.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._socket: socket.socket | None = None
        self._unsent = memoryview(b"")
        self._received = bytearray()
        self._expected = 0
        self.body = b""

    def fileno(self) -> int:
        return self._socket.fileno() if self._socket else -1

    @property
    def is_sending(self) -> bool:
        return bool(self._unsent)

    def begin(self, request: bytes) -> None:
        """Start to send. Raises OSError if the server does not listen."""
        if self._socket is None:
            self._socket = socket.create_connection(
                (self._address.host, self._address.port), CONNECT_TIMEOUT_S
            )
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.setblocking(False)
        self._received.clear()
        self._expected = 0
        self._unsent = memoryview(request)
        self.send()

    def send(self) -> None:
        """Send as much as the socket takes."""
        assert self._socket
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            return

    def receive(self) -> int:
        """Read available data. Returns the status once the answer is complete, 0 before.

        Raises:
            Closed, OSError: there will be no answer.
        """
        assert self._socket
        try:
            data = self._socket.recv(CHUNK_BYTES)
        except BlockingIOError:
            return 0
        if not data:
            raise Closed
        self._received += data
        return self._status_once_complete()

    def close(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None

    def _status_once_complete(self) -> int:
        received = self._received
        head_end = received.find(b"\r\n\r\n")
        if head_end < 0:
            return 0
        if not self._expected:
            length = LENGTH.search(received, 0, head_end)
            self._expected = head_end + 4 + int(length[1]) if length else -1
        is_complete = (
            len(received) >= self._expected
            if self._expected > 0
            else received.endswith(LAST_CHUNK, head_end)
        )
        if not is_complete:
            return 0
        self.body = bytes(received[head_end + 4 :])
        if CLOSES.search(received, 0, head_end):
            self.close()
        return int(received[9:12])
