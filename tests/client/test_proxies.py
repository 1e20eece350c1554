"""Proxies of the environment, between the client and the service."""

import asyncio
import importlib.util

import httpx
import pytest
from clip_api_client import AsyncClient, Client
from clip_api_client.proxies import SOCKS_PACKAGE, proxy_of

from tests.client.commands import environment, run
from tests.processes import SAMPLES, Api, free_port

SOCKS = "socks5://user:secret@127.0.0.1:9"
RANK = ("rank", "jeans.png", "-l", "a")
HOST = "127.0.0.1"


@pytest.fixture
def _proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize("proxy", [SOCKS, "socks4://h:1", "http://127.0.0.1:9"])
@pytest.mark.parametrize(
    "exempt",
    [HOST, f"localhost, {HOST}", "*", "127.0.0.0/8", f"{HOST}:PORT", f"a.org {HOST}"],
)
def test_a_service_that_no_proxy_names_is_reached(service: Api, proxy: str, exempt: str) -> None:
    port = service.url.rpartition(":")[2]
    env = environment(ALL_PROXY=proxy, NO_PROXY=exempt.replace("PORT", port))
    assert run(*RANK, "--url", service.url, folder=SAMPLES, env=env).code == 0


@pytest.mark.skipif(importlib.util.find_spec(SOCKS_PACKAGE) is not None, reason="it is installed")
@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "HTTP_PROXY"])
def test_a_socks_proxy_needs_a_package_and_says_so(name: str) -> None:
    env = environment(**{name: SOCKS, "NO_PROXY": "example.org"})
    ended = run(*RANK, "--url", "http://service.example", folder=SAMPLES, env=env)
    assert ended.code == 2
    [line] = ended.errors.splitlines()
    assert "clip-api-client[socks]" in line
    assert "NO_PROXY" in line
    assert "secret" not in line


@pytest.mark.parametrize("proxy", ["socks4://h:1", "foo://x", "http://h:port"])
def test_another_proxy_is_refused_with_a_sentence(proxy: str) -> None:
    ended = run(*RANK, folder=SAMPLES, env=environment(ALL_PROXY=proxy, NO_PROXY=""))
    assert ended.code == 2
    [line] = ended.errors.splitlines()
    assert "the proxy of the environment" in line


def test_an_http_proxy_is_used(service: Api) -> None:
    env = environment(HTTP_PROXY=f"127.0.0.1:{free_port()}", NO_PROXY="")
    ended = run(*RANK, "--url", service.url, "--retries", "0", folder=SAMPLES, env=env)
    assert ended.code == 3
    assert "does not answer" in ended.errors


@pytest.mark.usefixtures("_proxies")
def test_an_invalid_url_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="URL"):
        Client("http://h:port")


@pytest.mark.usefixtures("_proxies")
def test_both_clients_raise_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "foo://x")
    with pytest.raises(ValueError, match="proxy"):
        Client("http://h")
    with pytest.raises(ValueError, match="proxy"):
        asyncio.run(_open("http://h"))


async def _open(url: str) -> None:
    async with AsyncClient(url):
        pass


@pytest.mark.usefixtures("_proxies")
@pytest.mark.parametrize(
    ("url", "no_proxy", "is_used"),
    [
        ("http://clip.example.org", "example.org", False),
        ("http://clip.example.org", ".example.org", False),
        ("http://clip.example.org", "*.EXAMPLE.org", False),
        ("http://myexample.org", "example.org", True),
        ("http://example.org:81", "example.org:80", True),
        ("http://example.org", "example.org:80", False),
        ("http://10.2.3.4", "10.0.0.0/8", False),
        ("http://11.2.3.4", "10.0.0.0/8", True),
        ("http://[::1]:3000", "::1", False),
        ("http://[::1]:3000", "[::1]:3000", False),
        ("http://[::1]:3000", "[::1]", False),
        ("http://example.org", "", True),
        ("ftp://example.org", "", False),
    ],
)
def test_no_proxy_names_hosts_domains_networks_and_ports(
    monkeypatch: pytest.MonkeyPatch, url: str, no_proxy: str, is_used: bool
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (proxy_of(httpx.URL(url)) is not None) == is_used
