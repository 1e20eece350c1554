"""The page with the API's contract; tests/browser tests that it works."""

import re

import pytest
from flask.testing import FlaskClient

from api.assembly import assemble
from api.settings import ApiSettings

OWN = ("docs.js", "docs.css", "operations.css", "swagger-ui-bundle.js", "swagger-ui.css")


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return assemble(ApiSettings(api_keys="a-key-0123456789abcdef")).test_client()


def test_the_page_and_its_files_need_no_key(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.content_type.startswith("text/html")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    linked = re.findall(r'"((?:docs|playground)/\w{16}/[^"]+)"', page.text)
    names = {path.rpartition("/")[2] for path in linked}
    assert names == {*OWN, "theme.js", "tokens.css", "icon.svg"}
    for path in linked:
        assert "immutable" in client.get(f"/{path}").headers["Cache-Control"], path
    for name in OWN:
        assert client.get(f"/docs/{name}").headers["Cache-Control"] == "no-cache"


def test_it_asks_nothing_of_other_hosts(client: FlaskClient) -> None:
    assert "//" not in client.get("/docs").text


@pytest.mark.parametrize(
    "name", ["../keys.py", "%2e%2e/keys.py", "swagger-ui.js", "js/main.js", "index.html"]
)
def test_no_other_file_is_handed_out(client: FlaskClient, name: str) -> None:
    assert client.get(f"/docs/{name}").status_code == 404
