"""Addresses that a process listens on, IPv4 and IPv6."""

import errno
import re
import socket
from ipaddress import ip_address
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

HOST_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*+(?<=[a-z0-9]))?", re.IGNORECASE)
LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def _host(text: str) -> str:
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return str(ip_address(host))
    except ValueError:
        if HOST_NAME.fullmatch(text):
            return text
    detail = "must be an address such as 127.0.0.1, 0.0.0.0 or ::, or a host name, without a port"
    raise ValueError(detail)


ListenHost: TypeAlias = Annotated[str, AfterValidator(_host)]


def endpoint(host: str, port: int) -> str:
    """Host and port, as in a URL and in gunicorn's `bind`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def local_url(host: str, port: int) -> str:
    """The URL of a server that listens there, for clients on the same machine."""
    return f"http://{endpoint(LOOPBACK_OF.get(host, host), port)}"


def check_can_listen(host: str, port: int) -> None:
    """Raise OSError if this process cannot listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def is_in_use(error: OSError) -> bool:
    """Whether another process already listens there."""
    return error.errno == errno.EADDRINUSE
