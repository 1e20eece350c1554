"""Public or not: every range of the registries, its edges and its disguises."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

import pytest

from worker.net.addresses import NOT_PUBLIC_V4, is_public


@pytest.mark.parametrize("network", NOT_PUBLIC_V4, ids=str)
def test_no_address_of_a_special_range_is_public(network: IPv4Network) -> None:
    assert not is_public(network.network_address)
    assert not is_public(network.broadcast_address)


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
        *("126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0", "172.15.255.255"),
        *("172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255"),
        *("198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1", "2001:200::1"),
        # what they carry is public
        *("::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"),
        "2001:0:808:808:0:0:f7f7:f7f7",
    ],
)
def test_beside_the_ranges_everything_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1"),
        *("100::1", "2001:db8::1", "3fff::1", "2001::1", "2001:2::1", "2001:20::1", "5f00::1"),
        *("4000::1", "64:ff9b:1::1", "::8.8.8.8", "::ffff:0:8.8.8.8", "2606:4700::5efe:a00:1"),
        *("2606:4700::200:5efe:a00:1", "::127.0.0.1"),
    ],
)
def test_no_special_address_of_ipv6_is_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("inner", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1"])
def test_an_address_in_disguise_is_judged_by_what_it_carries(inner: str) -> None:
    bits = int(IPv4Address(inner))
    public = int(IPv4Address("8.8.8.8"))
    for disguise in (
        (0xFFFF << 32) | bits,
        (0x64_FF9B << 96) | bits,
        (0x2002 << 112) | (bits << 80),
        (0x2001_0000 << 96) | (bits << 64) | (~public & 0xFFFF_FFFF),
        (0x2001_0000 << 96) | (public << 64) | (~bits & 0xFFFF_FFFF),
    ):
        assert not is_public(IPv6Address(disguise)), IPv6Address(disguise)
