"""A web server for images on loopback."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.loopback import serving

Answer = Callable[[BaseHTTPRequestHandler], None]


class ImageServer:
    """Serves what it is given, each thing at a path of its own."""

    def __init__(self) -> None:
        answers = self._answers = dict[str, Answer]()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                answers[self.path](self)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve(self, content: bytes, status: int = 200, **headers: str) -> str:
        """Answer with these bytes. Returns the URL."""
        return self.behave(_delivering(content, status, headers))

    def answer_to(self, target: str, content: bytes) -> None:
        """Answer to a request for this very target: a proxy is asked for whole URLs."""
        self._answers[target] = _delivering(content, 200, {})

    def behave(self, answer: Answer) -> str:
        """Answer as this function does. Returns the URL."""
        path = f"/{len(self._answers)}"
        self._answers[path] = answer
        return self.url + path

    @contextmanager
    def running(self) -> Iterator["ImageServer"]:
        with serving(self._server):
            yield self


def _delivering(content: bytes, status: int, headers: Mapping[str, str]) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        sent = {"Content_Length": str(len(content)), **headers}
        for name, value in sent.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


class Stalling:
    """An image that is not delivered before it is released: until then its part is running."""

    def __init__(self, server: ImageServer, content: bytes) -> None:
        self.asked = threading.Semaphore(0)
        self.let_go = threading.Event()
        self._content = content
        self.url = server.behave(self._answer)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.release()
        self.let_go.wait(60)
        with suppress(OSError):
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(self._content)))
            handler.end_headers()
            handler.wfile.write(self._content)
