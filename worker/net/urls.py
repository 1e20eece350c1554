"""The URL that a request is sent to: ASCII only, its host as in DNS."""

import re
from urllib.parse import urljoin, urlsplit

import idna

from common.urls import cleaned, web_address

FIRST_BEYOND_ASCII = 0x80
ASCII_HOST = re.compile(r"[a-z0-9._-]+")


def request_url(url: str) -> str:
    """The URL in ASCII. Raises ValueError if it is not a valid http or https URL."""
    address = web_address(url)
    if address.isascii():
        return address
    parsed = urlsplit(address)
    user, at, place = parsed.netloc.rpartition("@")
    host, colon, port = place.partition(":")
    return parsed._replace(netloc=f"{user}{at}{ascii_host(host)}{colon}{port}").geturl()


def redirected(url: str, location: str) -> str:
    """The target of a redirect. Raises ValueError."""
    return urljoin(request_url(url), cleaned(location))


def location_of(header: str) -> str:
    """The text of a header: UTF-8, otherwise its bytes percent-encoded."""
    content = header.encode("latin-1")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return "".join(
            chr(each) if each < FIRST_BEYOND_ASCII else f"%{each:02X}" for each in content
        )


def host_of(url: str) -> str:
    """The host of a URL; empty if it has none, which is refused later."""
    try:
        return urlsplit(request_url(url)).hostname or ""
    except ValueError:
        return ""


def ascii_host(host: str) -> str:
    """A host name in any script, as in DNS. Raises ValueError."""
    try:
        name = idna.encode(host, uts46=True).decode()
    except idna.IDNAError:  # only the older standard allows emoji
        name = host.encode("idna").decode().lower()
    if ".." in name or not ASCII_HOST.fullmatch(name):
        raise ValueError("not a valid host name")
    return name
