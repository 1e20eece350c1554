"""Which IP addresses are public."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

# The IANA registries of special-purpose and of multicast addresses. Listed here because is_private
# and is_global of `ipaddress` miss some of them, and vary between versions of Python.
NOT_PUBLIC_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network, and the unspecified address
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # the host of a virtual machine on Azure
        "169.254.0.0/16",  # link-local, and the metadata service of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
NOT_PUBLIC_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
)
MAPPED = IPv6Network("::ffff:0:0/96")
NAT64 = IPv6Network("64:ff9b::/96")
SIX_TO_FOUR = IPv6Network("2002::/16")
TEREDO = IPv6Network("2001::/32")
ISATAP = (0x0000_5EFE, 0x0200_5EFE)


def is_public(address: Address) -> bool:
    """Whether an address is globally routable unicast.

    An IPv6 address that embeds IPv4 ones (mapped, NAT64, 6to4, Teredo) is public if these are.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC_V4)
    embedded = _embedded(address)
    if embedded:
        return all(is_public(each) for each in embedded)
    return (
        address in GLOBAL_UNICAST_V6
        and not any(address in network for network in NOT_PUBLIC_V6)
        and not _is_isatap(address)
    )


def unmapped(address: Address) -> Address:
    """The IPv4 address of an IPv4-mapped one; any other unchanged."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _embedded(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The embedded IPv4 addresses, by RFC 4291, RFC 6052, RFC 3056 and RFC 4380."""
    bits = int(address)
    if address in MAPPED or address in NAT64:
        return (_low_bits(bits),)
    if address in SIX_TO_FOUR:
        return (_low_bits(bits >> 80),)
    if address in TEREDO:
        return (_low_bits(bits >> 64), _low_bits(~bits))
    return ()


def _is_isatap(address: IPv6Address) -> bool:
    """Whether it is an ISATAP address (RFC 5214), which leads to an IPv4 host within a site."""
    return (int(address) >> 32) & 0xFFFF_FFFF in ISATAP


def _low_bits(bits: int) -> IPv4Address:
    return IPv4Address(bits & 0xFFFF_FFFF)
