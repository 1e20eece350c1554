"""An https server with one image at all paths, and a certificate of a private authority."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme

from tests.loopback import serving

HOSTS = ("localhost", "127.0.0.1", "images.test", "other.test")


@dataclass
class TlsImages:
    """`authority` is the file of the authority that signed its certificate."""

    port: int
    authority: Path
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    """Host, path and client port of each request; each connection has its own client port."""

    def url(self, path: str = "x.png", host: str = "localhost") -> str:
        return f"https://{host}:{self.port}/{path}"

    @property
    def connections(self) -> int:
        return len({port for _, _, port in self.asked})


@contextmanager
def tls_images(folder: Path, content: bytes = b"an image") -> Iterator[TlsImages]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            self._answer(200, content)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(204, b"")

        def _answer(self, status: int, body: bytes) -> None:
            images.asked.append((self.headers["Host"], self.path, self.client_address[1]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *_: object) -> None: ...

    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*HOSTS).configure_cert(context)
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    images = TlsImages(server.server_address[1], folder / "ca.pem")
    with serving(server):
        yield images
