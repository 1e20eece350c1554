"""A gunicorn worker in which slow clients do not block others.

gthread gives a thread to each readable connection, from a small pool, and waits in it without limit
for the rest of the request. Here each connection gets a thread, and has timeouts;
`api/dispatch/admission.py` bounds the number of requests.
"""

import logging
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gunicorn.http import errors
from gunicorn.http.message import Request
from gunicorn.workers.gthread import TConn, ThreadWorker
from redis.exceptions import RedisError

from api.errors import InternalError, RequestError
from api.problem_details import problem_body
from common.errors import ClipError

HEADER_TIMEOUT_S = 10.0
"""How long a client may take to send the head of a request."""
RECEIVE_TIMEOUT_S = 30
"""How long a client may pause while it sends a body."""
SEND_TIMEOUT_S = 10
"""How long a client may pause while it reads an answer; the kernel waits up to three times that."""
LINGER_S = 2.0
"""How long a client may take to close the connection once the server has closed its side."""
STATUS = {
    errors.LimitRequestLine: (414, "URI Too Long"),
    errors.LimitRequestHeaders: (431, "Request Header Fields Too Large"),
    errors.ExpectationFailed: (417, "Expectation Failed"),
    errors.UnsupportedTransferCoding: (501, "Not Implemented"),
    errors.ForbiddenProxyRequest: (403, "Forbidden"),
}
EXPECTED = (BlockingIOError, ClipError, RedisError)
OURS = (
    errors.ConfigurationProblem,
    errors.InvalidResponseHeader,
    errors.InvalidResponseHeaderName,
)
"""Errors that gunicorn blames on the request, but that are the server's."""


class ApiWorker(ThreadWorker):  # type: ignore[misc]
    """A gthread worker with a thread for each connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - gunicorn's own
        super().__init__(*args, **kwargs)
        self._lock = threading.Lock()
        self._heads: dict[int, tuple[float, socket.socket]] = {}
        self.log.error_log.addFilter(_is_unexpected)

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """A pool with a thread for each connection, started as needed."""
        return ThreadPoolExecutor(self.cfg.worker_connections)

    def is_parent_alive(self) -> bool:
        """Whether the master is alive; if not, shut down as on SIGTERM."""
        if super().is_parent_alive():
            return True
        self.alive = False
        return False

    def set_accept_enabled(self, enabled: bool) -> None:
        """Stop listening as soon as this process shuts down.

        gunicorn listens until the last request is answered: the kernel would accept connections
        that no thread serves, and a new master could not bind the port.
        """
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                listener.close()

    def handle(self, conn: TConn) -> object:
        """Read a request and answer it, in a thread of the pool."""
        _set_timeout(conn.sock, socket.SO_RCVTIMEO, RECEIVE_TIMEOUT_S)
        _set_timeout(conn.sock, socket.SO_SNDTIMEO, SEND_TIMEOUT_S)
        with self._lock:
            self._heads[threading.get_ident()] = (time.monotonic(), conn.sock)
        try:
            is_kept: object = super().handle(conn)
        finally:
            self.head_is_read()
        if not is_kept:
            _linger(conn.sock)
        return is_kept

    def head_is_read(self) -> None:
        """Note that this thread has read the head of its request."""
        with self._lock:
            self._heads.pop(threading.get_ident(), None)

    def notify(self) -> None:
        """Close the connections of slow clients; gunicorn calls this at least once a second."""
        super().notify()
        since = time.monotonic() - HEADER_TIMEOUT_S
        with self._lock:
            for started, sock in self._heads.values():
                if started < since:
                    _hang_up(sock)

    def handle_error(
        self, req: Request | None, client: socket.socket, addr: object, exc: BaseException
    ) -> None:
        """Answer a request that did not reach the application, in the shape of all other errors."""
        if isinstance(exc, OURS) or not isinstance(exc, errors.ParseException):
            self.log.error("Error handling request", exc_info=exc)
            _answer(client, 500, "Internal Server Error", InternalError.code, InternalError.title)
            return
        self.log.info("Invalid request %s from %s: %s", req and req.uri, addr, exc)
        status, reason = STATUS.get(type(exc), (400, "Bad Request"))
        _answer(client, status, reason, RequestError.code, str(exc))


def _is_unexpected(record: logging.LogRecord) -> bool:
    """Filter the tracebacks of dropped clients and aborted answers."""
    return not (record.exc_info and isinstance(record.exc_info[1], EXPECTED))


def _set_timeout(sock: socket.socket, option: int, seconds: int) -> None:
    """Set a timeout in the kernel, because gunicorn resets Python's."""
    sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, 0))


def _linger(sock: socket.socket) -> None:
    """Wait for the client to close its side, so that it receives the whole answer.

    gunicorn does so too, but in the only thread that accepts connections: 100 clients that do not
    close would block the process for 200 seconds. After this it need not wait.
    """
    deadline = time.monotonic() + LINGER_S
    try:
        sock.shutdown(socket.SHUT_WR)
        while (left_s := deadline - time.monotonic()) > 0:
            sock.settimeout(left_s)
            if not sock.recv(65536):
                break
    except OSError:
        pass
    _hang_up(sock)


def _hang_up(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client has closed it already


def _answer(client: socket.socket, status: int, reason: str, code: str, detail: str) -> None:
    body = problem_body(status, code, reason, detail)
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\n"
        "Content-Type: application/problem+json\r\nX-Content-Type-Options: nosniff\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    try:
        client.sendall(head.encode() + body)
    except OSError:
        return  # the client is gone
