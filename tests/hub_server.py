"""A fake Hugging Face hub on loopback, with the routes that a download uses."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from tests.loopback import serving

LARGE = 10_000
"""From so many bytes on, a file is delivered by another host, as the hub does with weights."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A model of one commit, found by it and by its branch."""

    folder: Path
    commit: str
    branch: str = "main"
    gated: bool = False
    conversion: Path | None = None
    """What the pull request number 7 proposes, by `author`."""
    author: str = "SFconvertbot"

    def files(self) -> dict[str, bytes]:
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}

    def at(self, revision: str) -> "Repository | None":
        """What it is at a commit, its branch or its pull request."""
        if revision in (self.commit, self.branch):
            return self
        proposed = self.commit[::-1]
        if self.conversion and revision in (PULL_REQUEST, proposed):
            return Repository(self.conversion, proposed, PULL_REQUEST)
        return None


PULL_REQUEST = "refs/pr/7"


class Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class HubServer:
    """Serves repositories by name; remembers which files were asked for."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.asked: list[str] = []
        """Methods and paths, such as `GET /me/model/resolve/main/config.json`."""
        self.broken_status: int | None = None
        """What everything is answered with, once set."""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub._answer(self)

            do_POST = do_GET  # noqa: N815 - the base class names it so
            do_HEAD = do_GET  # noqa: N815 - the base class names it so

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self._port}"

    def downloaded(self) -> set[str]:
        """The files that were downloaded."""
        gets = (line.partition("?")[0] for line in self.asked if line.startswith("GET "))
        return {path.rpartition("/")[2] for path in gets if "/api/" not in path}

    @contextmanager
    def running(self) -> Iterator["HubServer"]:
        with serving(self._server):
            yield self

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(f"{handler.command} {handler.path}")
        path = unquote(urlsplit(handler.path).path).strip("/")
        if self.broken_status:
            _send(handler, self.broken_status, b"", {})
            return
        try:
            if path.startswith("api/models/"):
                self._describe(handler, path.removeprefix("api/models/"))
            elif path.startswith("elsewhere/"):
                self._deliver(handler, path.removeprefix("elsewhere/"))
            else:
                self._resolve(handler, path)
        except Refused as refusal:
            _send(handler, refusal.status, b"", {"X-Error-Code": refusal.code})

    def _describe(self, handler: BaseHTTPRequestHandler, path: str) -> None:
        """`name/revision/main` and such; what is gated is described all the same."""
        if path.endswith("/discussions"):
            self._discuss(handler, path.removesuffix("/discussions"))
            return
        for what in ("revision", "tree", "paths-info"):
            name, found, revision = path.partition(f"/{what}/")
            if found:
                break
        repository = self._find(name, revision)
        files = repository.files()
        answers: dict[str, object] = {
            "paths-info": [_entry(path, files[path]) for path in _wanted(handler) if path in files],
            "revision": {"id": name, "sha": repository.commit, "siblings": [], "tags": []},
            "tree": [_entry(path, content) for path, content in files.items()],
        }
        body = json.dumps(answers[what]).encode()
        _send(handler, 200, body, {"Content-Type": "application/json"})

    def _discuss(self, handler: BaseHTTPRequestHandler, name: str) -> None:
        repository = self.repositories[name]
        proposal = {
            "num": 7,
            "author": {"name": repository.author},
            "title": "Adding `safetensors` variant of this model",
            "status": "open",
            "isPullRequest": True,
            "repo": {"name": name, "type": "model"},
            "createdAt": "2023-05-01T10:00:00.000Z",
        }
        listed = [proposal] if repository.conversion else []
        body = {"discussions": listed, "count": len(listed), "start": 0}
        _send(handler, 200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _resolve(self, handler: BaseHTTPRequestHandler, path: str) -> None:
        """`name/resolve/main/config.json`."""
        name, _, rest = path.partition("/resolve/")
        revision, _, file = rest.partition("/")
        repository = self._find(name, revision)
        if repository.gated:
            raise Refused(401, "GatedRepo")
        content = repository.files().get(file)
        if content is None:
            raise Refused(404, "EntryNotFound")
        headers = {"X-Repo-Commit": repository.commit, "ETag": f'"{_git_id(content)}"'}
        if len(content) < LARGE:
            _send(handler, 200, content, headers)
            return
        # By another name the same host is another.
        headers["Location"] = (
            f"http://localhost:{self._port}/elsewhere/{name}/at/{repository.commit}/{file}"
        )
        headers["X-Linked-Size"] = str(len(content))
        headers["X-Linked-ETag"] = f'"{hashlib.sha256(content).hexdigest()}"'
        _send(handler, 302, b"", headers)

    def _deliver(self, handler: BaseHTTPRequestHandler, path: str) -> None:
        name, _, rest = path.partition("/at/")
        commit, _, file = rest.partition("/")
        _send(handler, 200, self._find(name, commit).files()[file], {})

    def _find(self, name: str, revision: str) -> Repository:
        if name not in self.repositories:
            raise Refused(401, "RepoNotFound")
        repository = self.repositories[name].at(revision)
        if repository is None:
            raise Refused(404, "RevisionNotFound")
        return repository


def _wanted(handler: BaseHTTPRequestHandler) -> list[str]:
    """The paths that a form asks for."""
    length = int(handler.headers.get("Content-Length", 0))
    return parse_qs(handler.rfile.read(length).decode()).get("paths", [])


def _entry(path: str, content: bytes) -> dict[str, object]:
    described = {"type": "file", "path": path, "size": len(content), "oid": _git_id(content)}
    if len(content) < LARGE:
        return described
    sha256 = hashlib.sha256(content).hexdigest()
    return {**described, "lfs": {"oid": sha256, "size": len(content), "pointerSize": 134}}


def _git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _send(
    handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]
) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)
