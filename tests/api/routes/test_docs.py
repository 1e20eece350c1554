"""The page with the API's contract; tests/browser tests that it works."""

import pytest
from flask.testing import FlaskClient

from api.assembly import assemble
from api.settings import ApiSettings


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return assemble(ApiSettings(api_keys="a-key-0123456789abcdef")).test_client()


def test_the_page_and_its_files_need_no_key(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.content_type.startswith("text/html")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for name in ("docs.js", "docs.css", "operations.css", "swagger-ui-bundle.js", "swagger-ui.css"):
        assert f'"docs/{name}"' in page.text
        assert client.get(f"/docs/{name}").status_code == 200


def test_it_asks_nothing_of_other_hosts(client: FlaskClient) -> None:
    assert "//" not in client.get("/docs").text


@pytest.mark.parametrize(
    "name", ["../keys.py", "%2e%2e/keys.py", "swagger-ui.js", "js/main.js", "index.html"]
)
def test_no_other_file_is_handed_out(client: FlaskClient, name: str) -> None:
    assert client.get(f"/docs/{name}").status_code == 404
