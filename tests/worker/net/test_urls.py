"""The requests for URLs that are written as people write them."""

from http.server import BaseHTTPRequestHandler

import pytest

from common.errors import UrlRefused
from tests.image_server import Answer, ImageServer
from tests.worker.fetchers import BlockingFetcher, TestResolver, loopback_fetcher
from worker.net.urls import ascii_host, host_of, request_url

CONTENT = b"an image"


@pytest.fixture
def fetcher() -> BlockingFetcher:
    return loopback_fetcher(1_000, 5.0)


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("/my cat.png", "/my%20cat.png"),
        ("/my%20cat.png", "/my%20cat.png"),
        ("/cat.png\n", "/cat.png"),
        ("/ca\nt.png \t", "/cat.png"),
        ("/café/猫.png?größe=1", "/caf%C3%A9/%E7%8C%AB.png?gr%C3%B6%C3%9Fe=1"),
        ("/100%.png", "/100%25.png"),
        ("/a\\b.png#part", "/a/b.png"),
        ("/a/./b/../c.png", "/a/c.png"),
    ],
)
def test_a_path_is_requested_as_a_browser_does(
    fetcher: BlockingFetcher, image_server: ImageServer, written: str, asked: str
) -> None:
    image_server.answer_to(asked, CONTENT)
    assert fetcher.fetch(image_server.url + written) == CONTENT


def redirect_to(location: bytes) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(
            b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n" % location
        )

    return answer


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        (b"/my cat.png", "/my%20cat.png"),
        ("/café.png".encode(), "/caf%C3%A9.png"),
        ("/café.png".encode("latin-1"), "/caf%E9.png"),
        (b"  /cat.png  ", "/cat.png"),
        (b"\\cat.png", "/cat.png"),
        (b"?a b", "/start?a%20b"),
    ],
)
def test_a_redirect_is_followed_as_a_browser_does(
    fetcher: BlockingFetcher, image_server: ImageServer, location: bytes, asked: str
) -> None:
    image_server._answers["/start"] = redirect_to(location)
    image_server.answer_to(asked, CONTENT)
    assert fetcher.fetch(f"{image_server.url}/start") == CONTENT


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("bücher.test", "xn--bcher-kva.test"),
        ("BÜCHER.TEST", "xn--bcher-kva.test"),
        ("ｂücher。test", "xn--bcher-kva.test"),  # noqa: RUF001
        ("straße.test", "xn--strae-oqa.test"),
        ("猫.test", "xn--z7x.test"),
        ("i❤.test", "xn--i-7iq.test"),
        ("xn--bcher-kva.test", "xn--bcher-kva.test"),
    ],
)
def test_a_host_name_in_another_script_is_resolved_as_a_browser_does(
    image_server: ImageServer, written: str, name: str
) -> None:
    resolver = TestResolver({name: "127.0.0.1"})
    fetcher = loopback_fetcher(100, 5.0, allow=name, resolve=resolver)
    url = image_server.serve(CONTENT).replace("127.0.0.1", written)
    assert fetcher.fetch(url) == CONTENT
    assert resolver.asked == [name]
    assert host_of(url) == name


@pytest.mark.parametrize("host", ["℀.test", "⒈.test", "\u200b", "a\u3000b", "．"])  # noqa: RUF001
def test_an_invalid_host_name_is_refused(fetcher: BlockingFetcher, host: str) -> None:
    """Some characters are normalised to others, such as a slash, which would end the host."""
    with pytest.raises(ValueError):
        ascii_host(host)
    with pytest.raises(UrlRefused):
        fetcher.fetch(f"http://{host}/x.png")


def test_a_user_name_is_kept() -> None:
    assert request_url("http://me:pass@bücher.test:8080/x") == (
        "http://me:pass@xn--bcher-kva.test:8080/x"
    )
