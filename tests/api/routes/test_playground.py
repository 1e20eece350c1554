"""GET /: the playground's page and its files, as they are served."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from api.static_files import StaticFiles
from tests.conftest import ClientMaker
from tests.processes import ROOT, SAMPLES

STATIC = ROOT / "api" / "static" / "playground"
FILES = sorted(path for path in STATIC.rglob("*.*") if path.name != "index.html")
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
KINDS = {
    ".css": "text/css",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
IMPORT = re.compile(r'^import \{([^}]+)\} from "(\.[^"]+)";$', re.MULTILINE)
RISKY = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|javascript:"
)


@pytest.fixture
def client(make_api: ClientMaker) -> FlaskClient:
    """Without Redis: a page needs none."""
    return make_api(redis_url="redis://127.0.0.1:1/0", api_keys="a-key-0123456789abcdef")


def test_the_page_names_flower_only_if_the_operator_does(make_api: ClientMaker) -> None:
    url = "https://flower.example.org/?a=1&b=%22"
    named = make_api(redis_url="redis://127.0.0.1:1/0", flower_url=url).get("/")
    [(_, meta)] = [each for each in Elements(named.text).found if each[1].get("name") == "flower"]
    assert meta["content"] == url
    plain = make_api(redis_url="redis://127.0.0.1:1/0").get("/").text
    assert 'name="flower"' not in plain


class Elements(HTMLParser):
    """The elements of a page: their names and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def loaded(self) -> Iterator[str]:
        """What a browser loads by itself."""
        for tag, attributes in self.found:
            for name in ("src", "href") if tag != "a" else ():
                if value := attributes.get(name):
                    yield value


@pytest.fixture
def page(client: FlaskClient) -> Elements:
    return Elements(client.get("/").text)


def test_the_page_needs_neither_key_nor_redis(client: FlaskClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/playground/js/main.js", "/playground/icon.svg"])
def test_its_policy_lets_nothing_in_that_is_not_ours(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"].split("; ")
    directives = dict(each.split(" ", 1) for each in policy)
    assert directives["default-src"] == "'none'"
    assert {directives[f"{kind}-src"] for kind in ("script", "style", "connect")} == {"'self'"}
    assert directives["frame-ancestors"] == "'none'"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_served_as_what_it_is_and_once(client: FlaskClient, path: Path) -> None:
    url = f"/playground/{path.relative_to(STATIC)}"
    answer = client.get(url)
    assert answer.data == path.read_bytes()
    assert answer.mimetype == KINDS[path.suffix]
    assert answer.headers["Cache-Control"] == "no-cache"
    again = client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_browser_keeps_what_the_page_loads_and_asks_for_the_page(
    page: Elements, client: FlaskClient
) -> None:
    assert client.get("/").headers["Cache-Control"] == "no-cache"
    for reference in page.loaded():
        answer = client.get(f"/{reference}")
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        again = client.get(f"/{reference}", headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
        assert again.headers["Cache-Control"] == answer.headers["Cache-Control"]
        assert again.headers["Content-Security-Policy"]


def test_a_page_of_another_release_gets_what_there_is_and_does_not_keep_it(
    client: FlaskClient,
) -> None:
    answer = client.get("/playground/0123456789abcdef/js/main.js")
    assert answer.data == (STATIC / "js" / "main.js").read_bytes()
    assert answer.headers["Cache-Control"] == "no-cache"
    assert client.get("/playground/0123456789abcdef/js/none.js").status_code == 404
    assert client.get("/playground/0123456789abcdef/index.html").status_code == 404


def test_the_version_is_that_of_the_content() -> None:
    files = {"index.html": b'<script src="it/a.js">', "a.js": b"1", "b.js": b"2"}
    pages = [
        StaticFiles("it", each, "").link(files["index.html"])
        for each in (
            files,
            dict(reversed(files.items())),
            files | {"a.js": b"3"},
            files | {"c.js": b""},
            files | {"a.js": b"2", "b.js": b"1"},
        )
    ]
    assert re.fullmatch(rb'<script src="it/[0-9a-f]{16}/a\.js">', pages[0])
    assert pages[0] == pages[1]
    assert len(set(pages)) == 4


@pytest.mark.parametrize(
    "name",
    [
        "none.js",
        "index.html",
        "docs.js",
        "",
        "js",
        "js/",
        "../app.py",
        "%2e%2e/app.py",
        "js/../../app.py",
        "/etc/passwd",
    ],
)
def test_nothing_else_is_served(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/playground/{name}")
    assert answer.status_code == 404
    assert answer.get_json()["code"] == "not_found"


def test_nothing_is_inline(page: Elements) -> None:
    for tag, attributes in page.found:
        assert tag != "style"
        assert not {name for name in attributes if name == "style" or name.startswith("on")}
        assert tag != "script" or attributes.get("src")


def test_all_that_the_page_loads_is_ours_and_there(page: Elements, client: FlaskClient) -> None:
    loaded = set(page.loaded())
    assert loaded
    for reference in loaded:
        assert client.get(f"/{reference}").status_code == 200, reference


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_what_a_script_imports_is_there_and_used(path: Path) -> None:
    text = path.read_text()
    for names, module in IMPORT.findall(text):
        exported = (path.parent / module).read_text()
        for name in re.split(r",\s*", names.strip()):
            assert re.search(rf"^export .*\b{name}\b", exported, re.MULTILINE), name
            assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{name} is imported in vain"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_markup_or_code_of_text(path: Path) -> None:
    assert not RISKY.search(path.read_text())


def test_the_samples_are_those_of_the_demo() -> None:
    samples = sorted((STATIC / "samples").iterdir())
    assert samples
    for sample in samples:
        assert sample.read_bytes() == (SAMPLES / sample.name).read_bytes()


def test_all_samples_can_be_searched() -> None:
    listed = (STATIC / "js" / "intake" / "sample-images.js").read_text()
    names = re.findall(r'"([\w-]+\.(?:png|jpg))"', listed)
    assert sorted(names) == sorted(path.name for path in (STATIC / "samples").iterdir())
