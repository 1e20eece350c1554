"""A Redis that speaks TLS alone, on a machine whose server can; with a certificate of its own."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import trustme
from redis import Redis
from redis.exceptions import RedisError

from tests.processes import free_port, wait_until

SERVERS = ("redis-server", "valkey-server")
PASSWORD = "p@ss/word"


@dataclass(frozen=True, slots=True)
class TlsRedis:
    """Where it listens; `authority` is a file with who signed its certificate."""

    port: int
    authority: Path

    def url(self, host: str = "localhost", *, trusted: bool = True) -> str:
        """The certificate is for localhost, and by an authority that nobody knows."""
        option = f"?ssl_ca_certs={self.authority}" if trusted else ""
        return f"rediss://:{quote(PASSWORD, safe='')}@{host}:{self.port}/0{option}"


@contextmanager
def tls_redis(folder: Path) -> Iterator[TlsRedis | None]:
    """None where no server of this machine speaks TLS; the embedded one does not."""
    program = next(filter(None, map(shutil.which, SERVERS)), None)
    if program is None:
        yield None
        return
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "server.pem")
    certificate.private_key_pem.write_to_path(folder / "server.key")
    server = TlsRedis(free_port(), folder / "ca.pem")
    options = {
        "port": "0",
        "tls-port": str(server.port),
        "bind": "127.0.0.1",
        "tls-cert-file": "server.pem",
        "tls-key-file": "server.key",
        "tls-auth-clients": "no",
        "requirepass": PASSWORD,
        "save": "",
        "dir": str(folder),
    }
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen([program, *arguments], cwd=folder, stdout=log, stderr=log)
    try:
        wait_until(
            lambda: process.poll() is not None or _answers(server.url()),
            "the server answers, or has ended",
        )
        yield server if process.poll() is None else None
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        with Redis.from_url(url) as client:
            return bool(client.ping())
    except RedisError:
        return False
