"""The proxy of the environment that leads to a service."""

from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from urllib.request import getproxies

import httpx

SOCKS_PACKAGE = "socksio"


def proxy_of(url: httpx.URL) -> httpx.Proxy | None:
    """The proxy for a URL; None if there is none, or NO_PROXY names the host.

    Raises:
        ValueError: it cannot be used; the message says why.
    """
    proxies = getproxies()
    address = proxies.get(url.scheme) or proxies.get("all")
    if not address or _is_exempt(url, proxies.get("no", "")):
        return None
    try:
        proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
    except (ValueError, httpx.InvalidURL):
        raise ValueError(
            "the proxy of the environment (HTTP_PROXY, HTTPS_PROXY or ALL_PROXY) is not the URL of "
            "an HTTP or SOCKS5 proxy"
        ) from None
    if proxy.url.scheme.startswith("socks") and find_spec(SOCKS_PACKAGE) is None:
        raise ValueError(
            f"a SOCKS proxy (ALL_PROXY) needs the package {SOCKS_PACKAGE}: install "
            '"clip-api-client[socks]", or name the host of the service in NO_PROXY'
        )
    return proxy


def _is_exempt(url: httpx.URL, no_proxy: str) -> bool:
    entries = no_proxy.replace(",", " ").lower().split()
    return any(_matches(url, entry) for entry in entries)


def _matches(url: httpx.URL, entry: str) -> bool:
    """Whether an entry of NO_PROXY is the host, its domain or network, or `*`."""
    host = url.host.lower()
    if _is_in_network(host, entry):
        return True
    name, colon, port = entry.rpartition(":")
    if colon and port.isdigit() and not _is_address(entry):
        default = {"http": 80, "https": 443}.get(url.scheme)
        if int(port) != (url.port or default):
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").removeprefix(".")
    return not entry or host == entry or host.endswith(f".{entry}")


def _is_in_network(host: str, entry: str) -> bool:
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        return False


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
