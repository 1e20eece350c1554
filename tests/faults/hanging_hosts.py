"""Hosts that take connections and never answer."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

HANGING = "127.0.0.3"


@contextmanager
def hanging_port() -> Iterator[int]:
    """A port of all loopback addresses: each is a host of its own."""
    with socket.socket() as listening:
        listening.bind(("0.0.0.0", 0))
        listening.listen(4096)
        yield listening.getsockname()[1]


def one_host(_number: int) -> str:
    return HANGING


def many_hosts(number: int) -> str:
    return f"127.1.{number // 250}.{number % 250 + 1}"
