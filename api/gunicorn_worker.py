"""How gunicorn's connections get threads, so that slow ones keep none from the others.

gthread gives a thread to each connection with something to read, and waits in it without limit for
the rest. Here each connection has a thread, and limits; `api/dispatch/admission.py` bounds the
requests.
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

from api.errors import problem_body
from common.errors import ClipError, InternalError, RequestError

HEADER_TIMEOUT_S = 10.0
"""How long a client may take over the head of a request."""
RECEIVE_TIMEOUT_S = 30
"""How long a client may send nothing of a body."""
SEND_TIMEOUT_S = 10
"""How long a client may read nothing of an answer; the kernel waits up to three times as long."""
LINGER_S = 2.0
"""How long a client may take to close its end, once the server has closed its own."""
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
"""What gunicorn counts as errors of a request, and the client did not do."""


class ApiWorker(ThreadWorker):  # type: ignore[misc]
    """A gthread worker that has a thread for each connection it accepts."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - gunicorn's own
        super().__init__(*args, **kwargs)
        self._lock = threading.Lock()
        self._heads: dict[int, tuple[float, socket.socket]] = {}
        self.log.error_log.addFilter(_is_unexpected)

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """Have no connection wait for the thread of another; threads are made as needed."""
        return ThreadPoolExecutor(self.cfg.worker_connections)

    def is_parent_alive(self) -> bool:
        """Whether the master lives; without it, end as at SIGTERM."""
        if super().is_parent_alive():
            return True
        self.alive = False
        return False

    def set_accept_enabled(self, enabled: bool) -> None:
        """Stop listening once this process ends: nobody would accept what the kernel takes.

        gunicorn listens until the last request is answered, and no new master gets the port.
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
        """Note that this thread waits for the head of a request no more."""
        with self._lock:
            self._heads.pop(threading.get_ident(), None)

    def notify(self) -> None:
        """Hang up on slow clients; called at least once a second by gunicorn's main loop."""
        super().notify()
        since = time.monotonic() - HEADER_TIMEOUT_S
        with self._lock:
            for started, sock in self._heads.values():
                if started < since:
                    _hang_up(sock)

    def handle_error(
        self, req: Request | None, client: socket.socket, addr: object, exc: BaseException
    ) -> None:
        """Answer what never came to the application, in the shape of all other errors."""
        if isinstance(exc, OURS) or not isinstance(exc, errors.ParseException):
            self.log.error("Error handling request", exc_info=exc)
            _answer(client, 500, "Internal Server Error", InternalError.code, InternalError.title)
            return
        self.log.info("Invalid request %s from %s: %s", req and req.uri, addr, exc)
        status, reason = STATUS.get(type(exc), (400, "Bad Request"))
        _answer(client, status, reason, RequestError.code, str(exc))


def _is_unexpected(record: logging.LogRecord) -> bool:
    """Have a client that was dropped, and an answer that broke off, leave no traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], EXPECTED))


def _set_timeout(sock: socket.socket, option: int, seconds: int) -> None:
    """Have the kernel bound each wait: gunicorn sets Python's own timeout back."""
    sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, 0))


def _linger(sock: socket.socket) -> None:
    """Wait for the client to close its end, lest an answer on its way be lost.

    gunicorn does so too, but in the one thread that accepts connections: 100 clients that do not
    close would stop the process for 200 seconds. After this it has nothing to wait for.
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
        return  # the client was first


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
        return  # nobody reads it
