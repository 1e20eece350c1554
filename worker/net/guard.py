"""The guard: which addresses may be connected to, checked on the resolved address."""

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, TypeAlias

from common.errors import UrlRefused
from worker.net.addresses import Address, is_public, unmapped

Network: TypeAlias = IPv4Network | IPv6Network
Endpoint: TypeAlias = tuple[int, Any]
"""An address family, and an address as socket.connect takes it: (host, port, …)."""

Resolver: TypeAlias = Callable[[str, int], Sequence[Endpoint]]
PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class Forbidden(Exception):
    """Why a URL is refused, and its address; for the log only."""

    def __init__(self, what: str, address: str = "") -> None:
        super().__init__(what)
        self.address = address


def look_up(host: str, port: int, flags: int = 0) -> list[Endpoint]:
    """Resolve a name with the system's resolver. Raises OSError, UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, address) for family, _, _, _, address in found]


@dataclass(frozen=True, slots=True)
class Ports:
    """Ranges of ports, both ends included."""

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, text: str) -> "Ports":
        """Ports and ranges separated by commas, as in `80,443,8000-8999`. Raises ValueError."""
        ranges = []
        for piece in _pieces(text):
            match = PORTS.fullmatch(piece)
            low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
            if not 1 <= low <= high <= 65_535:  # noqa: PLR2004
                raise ValueError(f"{piece} is neither a port nor a range such as 8000-8999")
            ranges.append((low, high))
        return cls(tuple(ranges))

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and any(low <= port <= high for low, high in self.ranges)


@dataclass(frozen=True, slots=True)
class Allowed:
    """Internal networks and hosts that images may be fetched from."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> "Allowed":
        """Networks (CIDR) and host names separated by commas. Raises ValueError."""
        networks, hosts = [], set()
        for piece in _pieces(text):
            try:
                networks.append(ip_network(piece))
            except ValueError:
                if network := _network_around(piece):
                    raise ValueError(
                        f"{piece} has host bits set; did you mean {network}?"
                    ) from None
                if "/" in piece or ":" in piece or "*" in piece:
                    raise ValueError(f"{piece} is neither a network nor a host name") from None
                hosts.add(_canonical(piece))
        return cls(tuple(networks), frozenset(hosts))


@dataclass(frozen=True, slots=True)
class Guard:
    """Permits public addresses, and those that the operator allowed by name or network."""

    ports: Ports
    allowed: Allowed = field(default_factory=Allowed)
    resolve: Resolver = look_up

    def endpoints(self, host: str, port: int) -> list[Endpoint]:
        """The permitted addresses of a host name; never empty.

        Connect to these: a second resolution might return others.

        Raises:
            UrlRefused: the port is forbidden, there is no such name, or all its addresses are
                forbidden. All give the same error, which would otherwise reveal the names in the
                internal network; its cause, for the log, differs.
            OSError: the name cannot be resolved now.
        """
        name = _canonical(host)
        self._check_port(port)
        try:
            found = self.resolve(name, port)
        except UnicodeError:
            raise UrlRefused from None
        except socket.gaierror as error:
            if error.errno in NO_SUCH_NAME:
                raise UrlRefused from error
            raise
        return self._permitted(name, found)

    def check_literal(self, host: str, port: int) -> None:
        """Refuse a forbidden port or literal address, for a URL whose name a proxy resolves.

        Raises:
            UrlRefused: see `endpoints`.
        """
        name = _canonical(host)
        self._check_port(port)
        try:
            found = look_up(name, port, socket.AI_NUMERICHOST)
        except (OSError, UnicodeError):
            return
        self._permitted(name, found)

    def _check_port(self, port: int) -> None:
        if port not in self.ports:
            raise UrlRefused from Forbidden(f"port {port}")

    def _permitted(self, name: str, found: Sequence[Endpoint]) -> list[Endpoint]:
        if name in self.allowed.hosts:
            return list(found)
        permitted = [each for each in found if self._permits(ip_address(each[1][0]))]
        if not permitted:
            addresses = ", ".join(str(each[1][0]) for each in found)
            raise UrlRefused from Forbidden(f"address {addresses}", addresses)
        return permitted

    def _permits(self, address: Address) -> bool:
        plain = unmapped(address)
        return is_public(plain) or any(plain in network for network in self.allowed.networks)


def _pieces(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _network_around(text: str) -> Network | None:
    """The network of an address with a prefix length; None if it has another form."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _canonical(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()
