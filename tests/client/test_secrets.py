"""The API key and the password of a URL are never shown."""

import pytest
from clip_api_client import AsyncClient, Client
from clip_api_client.__main__ import main
from clip_api_client.transport import http_options

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
