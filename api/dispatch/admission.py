"""Which requests are served at once, and which may wait for a job."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flask import Flask, request
from werkzeug.wsgi import ClosingIterator

from common.errors import QueueFull

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEALTH = "/healthz"
PATIENCE_S = 1.0
"""How long a request waits to be served, among more than are served at once."""
REFUSED = "clip.refused"


class Waiting:
    """The requests that wait for a job: so many at most, so that others find threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._requests = 0
        self.items = 0
        """What the waiting requests want encoded."""

    @contextmanager
    def place(self, items: int = 0) -> Iterator[bool]:
        """Whether there is a place to wait for so many items; it is held in this context."""
        with self._lock:
            has_place = self._requests < self._most
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
    """The application, of which each answer holds a place until it is sent."""

    def __init__(self, app: "WSGIApplication", most: int) -> None:
        self._app = app
        self._places = threading.BoundedSemaphore(most)

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


def register(app: Flask, most: int) -> None:
    """Serve so many requests at once; refuse those that find no place in a second."""

    def refuse() -> None:
        if request.environ.get(REFUSED):
            raise QueueFull("as many requests are served as this process serves at once")

    app.wsgi_app = _Bounded(app.wsgi_app, most)  # type: ignore[method-assign]
    app.before_request(refuse)
