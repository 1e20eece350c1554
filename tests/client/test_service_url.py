"""The URL of the service, as people write it."""

from functools import partial

import pytest
from clip_api_client import AsyncClient, Client

from tests.client.commands import environment, run
from tests.processes import SAMPLES, Api

here = partial(run, "rank", "jeans.png", "-l", "jeans, pizza", folder=SAMPLES)


def test_a_host_and_a_port_are_enough(service: Api) -> None:
    address = service.url.removeprefix("http://")
    assert address != service.url
    with Client(address) as client:
        assert client.ready().is_ready
    assert here("--url", address, env=environment()).code == 0
    assert here(env=environment(CLIP_API_URL=f"{address}/")).code == 0


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://localhost", "begins with http:// or https://, not 'ftp://localhost'"),
        ("https:/localhost", "such as http://localhost:3000"),
        ("", "'' is not the URL of a service"),
        ("http://", "such as http://localhost:3000"),
        (":3000", "such as http://localhost:3000"),
        ("my service", "such as http://localhost:3000"),
        ("localhost:http", "Invalid port: 'http'"),
        ("localhost:99999", "ports are 1 to 65535"),
        ("127.0.0.1:3920?x=1", "no query and no fragment: '127.0.0.1:3920' is enough"),
        ("127.0.0.1:3920/#jobs", "no query and no fragment: '127.0.0.1:3920/' is enough"),
        (f"http://{'a' * 300}", "aaa' is not the URL of a service"),
        ("http://a..b", "'http://a..b' is not the URL of a service"),
        ("http://\udcff", "is not the URL of a service"),
    ],
)
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_what_is_no_url_is_refused_at_once(
    kind: type[Client | AsyncClient], url: str, words: str
) -> None:
    with pytest.raises(ValueError, match=r"URL|port") as raised:
        kind(url)
    assert words in str(raised.value)


def test_the_command_line_says_what_is_wrong_with_it() -> None:
    for given in ({"CLIP_API_URL": "ftp://x"}, {"CLIP_API_URL": "localhost:port"}):
        ended = here(env=environment(**given))
        assert ended.code == 2
        assert "URL" in ended.errors
        assert "Traceback" not in ended.errors
