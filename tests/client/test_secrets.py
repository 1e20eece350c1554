"""The API key and the password of a URL are never shown."""

import pytest
from clip_api_client import AsyncClient, Client, errors
from clip_api_client.__main__ import main
from clip_api_client.cli.arguments import command_line
from clip_api_client.settings import Settings
from clip_api_client.transport import http_options, without_secrets

from tests.processes import free_port

PASSWORD = "s3cretp"
REFUSED_KEY = "the API key has characters that a header cannot have"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("key", ["k3y\nb", "k3y b", "k3y\x00", "k3y\u00e9", "k3y\x7f"])
def test_a_key_that_no_header_can_have_is_refused_at_once(
    kind: type[Client | AsyncClient], key: str
) -> None:
    with pytest.raises(ValueError, match=rf"^{REFUSED_KEY}$"):
        kind("localhost:1", key)


def test_the_command_line_does_not_show_such_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "--retries", "0", "--url", "localhost:1", "--api-key", "k3y\nb"]) == 2
    assert capsys.readouterr().err == f"clip-api: {REFUSED_KEY}\n"


@pytest.mark.parametrize("key", ["k3y ", "k3y\r\n", " k3y"])
def test_space_around_a_key_is_ignored(key: str) -> None:
    assert http_options("localhost:1", key, 1)["headers"]["Authorization"] == "Bearer k3y"


@pytest.mark.parametrize(
    "url",
    [
        "http://u:s3cretp@",
        "http://u:s3cretp@localhost:99999",
        "http://u:s3cretp@localhost:port",
        "http://u:s3cretp@localhost/?x=1",
        "ftp://u:s3cretp@localhost",
        "https:/u:s3cretp@localhost",
        "u:s3cretp@my service",
        "http://u:s3cretp/x@localhost",
        "http://u:a?s3cretp@localhost",
        "http://u:a@s3cretp@localhost:99999",
        "localhost:99999?token=s3cretp",
    ],
)
def test_a_refused_url_is_shown_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|port") as raised:
        Client(url)
    assert PASSWORD not in str(raised.value)
    assert "@" not in str(raised.value)


def test_an_outage_is_told_without_the_password() -> None:
    port = free_port()
    url = f"http://u:{PASSWORD}@127.0.0.1:{port}"
    with Client(url, retries=0) as client, pytest.raises(errors.Unreachable) as raised:
        client.models()
    assert str(raised.value).startswith(f"http://127.0.0.1:{port} does not answer")


def test_the_help_shows_the_url_without_its_password(capsys: pytest.CaptureFixture[str]) -> None:
    parse = command_line(Settings(f"http://u:{PASSWORD}@host/a%20b", None)).parse
    with pytest.raises(SystemExit):
        parse(["jobs", "list", "--help"])
    assert "now http://host/a%20b)" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://u:p@host:1/a", "http://host:1/a"),
        ("u:p@host:1", "host:1"),
        ("https://host/a?key=b#c", "https://host/a"),
        ("localhost:3000", "localhost:3000"),
    ],
)
def test_the_rest_of_a_url_is_shown(url: str, shown: str) -> None:
    assert without_secrets(url) == shown
