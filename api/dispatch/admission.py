"""Limits on the requests that are served at once, and on those that wait for a job."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flask import Flask, request
from werkzeug.wsgi import ClosingIterator

from api.errors import QueueFull

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEALTH = "/healthz"
PATIENCE_S = 1.0
"""How long a request may wait for a place before it is refused."""
REFUSED = "clip.refused"


class Waiting:
    """Limits how many requests wait for a job, so that other requests find threads."""

    def __init__(self, max_requests: int) -> None:
        self._max_requests = max_requests
        self._lock = threading.Lock()
        self._requests = 0
        self.items = 0
        """The number of items that the waiting requests wait for."""

    @contextmanager
    def place(self, items: int = 0) -> Iterator[bool]:
        """Whether there is a place for a request that waits for `items`; held by the context."""
        with self._lock:
            has_place = self._requests < self._max_requests
            if has_place:
                self._requests += 1
                self.items += items
        try:
            yield has_place
        finally:
            if has_place:
                with self._lock:
                    self._requests -= 1
                    self.items -= items


class _Bounded:
    """The application; each request holds a place until its answer is sent."""

    def __init__(self, app: "WSGIApplication", max_requests: int) -> None:
        self._app = app
        self._places = threading.BoundedSemaphore(max_requests)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if environ["PATH_INFO"] == HEALTH:
            return self._app(environ, start_response)
        if not self._places.acquire(timeout=PATIENCE_S):
            environ[REFUSED] = True
            return self._app(environ, start_response)
        try:
            answer = self._app(environ, start_response)
        except BaseException:
            self._places.release()
            raise
        return ClosingIterator(answer, self._places.release)


def register(app: Flask, max_requests: int) -> None:
    """Serve `max_requests` at once; refuse those that get no place within a second."""

    def refuse() -> None:
        if request.environ.get(REFUSED):
            raise QueueFull("this API process is serving as many requests as it can")

    app.wsgi_app = _Bounded(app.wsgi_app, max_requests)  # type: ignore[method-assign]
    app.before_request(refuse)
