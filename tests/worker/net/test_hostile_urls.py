"""Hostile URLs: a table of addresses that a worker must not connect to."""

import sys
import threading

import pytest

from common.errors import ItemError, UrlRefused
from tests.image_server import ImageServer
from tests.worker.fetchers import BlockingFetcher, TestResolver, loopback_fetcher
from worker.net.fetch import FetchLimits
from worker.net.guard import Allowed, Guard, Ports

NAMES = {
    "loopback.test": "127.0.0.1",
    "loopback6.test": "::1",
    "private.test": "10.1.2.3",
    "metadata.test": "169.254.169.254",
    "mapped.test": "::ffff:10.0.0.1",
    "nat64.test": "64:ff9b::7f00:1",
    "sixtofour.test": "2002:7f00:1::",
    "teredo.test": "2001:0:7f00:1::f7f7:f7f7",
    "cgnat.test": "100.64.0.1",
    "multicast.test": "224.0.0.1",
    "broadcast.test": "255.255.255.255",
    "unspecified.test": "0.0.0.0",
    "ula.test": "fd00:ec2::254",
    "metadata.google.internal": "169.254.169.254",
    "localhost": "127.0.0.1",
    "sub.localhost": "127.0.0.1",
}

FORBIDDEN = [
    # loopback, spelled in every way
    *("http://127.0.0.1/", "http://127.1/", "http://127.0.1/", "http://127.255.255.254/"),
    *("http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/"),
    *("http://017700000001/", "http://0x7F.1/", "http://127.0.0.1./", "http://localhost/"),
    *("http://localhost./", "http://LOCALHOST/", "http://sub.localhost/", "http://loopback.test/"),
    *("https://127.0.0.1/", "https://loopback.test/", "http://loopback6.test/"),
    *("http://[::1]/", "http://[0:0:0:0:0:0:0:1]/", "http://[0000::0001]/"),
    # unspecified
    *("http://0.0.0.0/", "http://0/", "http://[::]/", "http://unspecified.test/"),
    # IPv4 within IPv6
    *("http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::127.0.0.1]/"),
    *("http://[64:ff9b::7f00:1]/", "http://[64:ff9b::10.0.0.1]/", "http://[64:ff9b:1::1]/"),
    *("http://[2002:7f00:1::]/", "http://[2002:a00:1::1]/", "http://[2002:a9fe:a9fe::]/"),
    "http://[2001:0:7f00:1::f7f7:f7f7]/",
    *("http://mapped.test/", "http://nat64.test/", "http://sixtofour.test/", "http://teredo.test/"),
    # private and shared networks
    *("http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.1.1/"),
    *("http://100.64.0.1/", "http://100.127.255.255/", "http://198.18.0.1/", "http://192.0.0.1/"),
    *("http://private.test/", "http://cgnat.test/", "http://[fc00::1]/", "http://[fd12:3456::1]/"),
    # metadata services of clouds
    *("http://169.254.169.254/latest/meta-data/", "http://2852039166/", "http://0xA9FEA9FE/"),
    *("http://0251.0376.0251.0376/", "http://169.254.43518/", "http://0xa9.254.0251.254/"),
    *("http://169.254.169.254./", "http://metadata.google.internal/", "http://metadata.test/"),
    *("http://[fd00:ec2::254]/", "http://ula.test/", "http://100.100.100.200/"),
    *("http://192.0.0.192/", "http://168.63.129.16/", "http://[::ffff:169.254.169.254]/"),
    # digits of other scripts
    *("http://①②⑦.⓪.⓪.①/", "http://１６９.２５４.１６９.２５４/", "http://⑯⑨。②⑤④。⑯⑨。②⑤④/"),  # noqa: RUF001
    *("http://127。0。0。1/", "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/"),
    # who is the host?
    *("http://example.com@127.0.0.1/", "http://example.com:80@127.0.0.1/", "http://a:b@10.0.0.1/"),
    *("http://127.0.0.1#@example.com/", "http://127.0.0.1?@example.com/"),
    *("http://127.0.0.1\\@example.com/", "http://example.com\\@127.0.0.1/", "http://10.0.0.1;x/"),
    *("http://127.0.0.1%2f@example.com/", "http://127.0.0.1:80\\.example.com/"),
    # link-local, multicast, reserved, documentation
    *("http://[fe80::1]/", "http://[fe80::1%25lo]/", "http://224.0.0.1/", "http://[ff02::1]/"),
    *(
        "http://240.0.0.1/",
        "http://255.255.255.255/",
        "http://203.0.113.1/",
        "http://198.51.100.1/",
    ),
    *("http://192.0.2.1/", "http://[2001:db8::1]/", "http://[3fff::1]/", "http://192.88.99.1/"),
    *("http://multicast.test/", "http://broadcast.test/"),
    # not the web at all
    *(
        "file:///etc/passwd",
        "ftp://8.8.8.8/x",
        "gopher://127.0.0.1:6379/_INFO",
        "dict://127.0.0.1/",
    ),
    *("data:image/png;base64,AAAA", "jar:http://8.8.8.8!/", "unix:/var/run/docker.sock"),
    *("http+unix://%2Fvar%2Frun%2Fdocker.sock/", "//127.0.0.1/", "127.0.0.1", "http:/127.0.0.1"),
    *(
        "http://",
        "http:///x",
        "http://[",
        "http://[::1",
        "http://[::1]x/",
        "http://:80/",
        "http://./",
    ),
    *("http://a..b/", "http://" + "a" * 300 + "/", "http://127.0.0.1:99999/", "http://8.8.8.8:-1/"),
    *("http://127.0.0.1:x/", "http://\x00/", "http://8.8.8.8\r\nHost: x/", "http://exa mple/"),
]
PORTS_NOT_ALLOWED = [
    *("http://8.8.8.8:22/", "http://8.8.8.8:6379/", "https://8.8.8.8:8443/", "http://8.8.8.8:25/"),
    *("http://8.8.8.8:81/", "http://8.8.8.8:8080/", "http://[2606:4700::1111]:11211/"),
]

connections: list[object] = []


def note_connections(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect" and threading.current_thread().name == "fetch":
        connections.append(arguments[1])


@pytest.fixture(scope="module", autouse=True)
def _auditing() -> None:
    """An audit hook cannot be taken back: this one only looks at threads that fetch."""
    sys.addaudithook(note_connections)


@pytest.fixture
def connected_to() -> list[object]:
    connections.clear()
    return connections


def fetcher_of(ports: str) -> BlockingFetcher:
    guard = Guard(Ports.parse(ports), Allowed(), TestResolver(NAMES))
    return BlockingFetcher(guard, FetchLimits(max_bytes=1000, timeout_s=5))


def test_the_table_is_long() -> None:
    assert len({*FORBIDDEN, *PORTS_NOT_ALLOWED}) >= 60


@pytest.mark.parametrize("url", FORBIDDEN)
def test_a_forbidden_address_is_refused_and_never_connected_to(
    url: str, connected_to: list[object]
) -> None:
    with pytest.raises(UrlRefused) as caught:
        fetcher_of("1-65535").fetch(url)
    assert caught.value.detail == UrlRefused.title
    assert connected_to == []


def test_what_is_allowed_would_have_been_seen(
    image_server: ImageServer, connected_to: list[object]
) -> None:
    loopback_fetcher(max_bytes=10, timeout_s=5).fetch(image_server.serve(b"seen"))
    assert len(connected_to) == 1


@pytest.mark.parametrize("url", PORTS_NOT_ALLOWED)
def test_a_port_beside_those_of_the_web_is_refused(url: str, connected_to: list[object]) -> None:
    with pytest.raises(UrlRefused, match="port"):
        fetcher_of("80,443").fetch(url)
    assert connected_to == []


def test_all_refusals_of_addresses_look_alike() -> None:
    answers = set()
    for host in ("private.test", "no-such-name.invalid", "10.0.0.1", "metadata.test"):
        with pytest.raises(ItemError) as caught:
            fetcher_of("80,443").fetch(f"http://{host}/")
        answers.add((caught.value.code, caught.value.detail))
    assert len(answers) == 1
