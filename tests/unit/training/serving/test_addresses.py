"""Only globally reachable unicast addresses count as public, whatever they are dressed in."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest

from imgclf.serving.addresses import NOT_PUBLIC_IPV4, NOT_PUBLIC_IPV6, is_public

PUBLIC_IPV4 = (
    "1.1.1.1",
    "8.8.8.8",
    "52.95.110.1",
    "93.184.216.34",
    "172.15.0.1",
    "172.32.0.1",
    "223.255.255.255",
)
PUBLIC_IPV6 = ("2001:4860:4860::8888", "2606:2800:220:1::1", "2600:1f18::1", "2a05:d018::1", "2001:200::1")

OTHER_IPV6 = {
    "::/128": "Unspecified Address",
    "::1/128": "Loopback Address",
    "::/96": "IPv4-compatible, deprecated",
    "::ffff:0:0:0/96": "IPv4-translated (SIIT)",
    "64:ff9b:1::/48": "IPv4-IPv6 Translation, local use",
    "100::/64": "Discard-Only",
    "100:0:0:1::/64": "Dummy Prefix",
    "2001::/32": "TEREDO",
    "2001:2::/48": "Benchmarking",
    "2001:10::/28": "ORCHID, deprecated",
    "2001:20::/28": "ORCHIDv2",
    "2001:30::/28": "Drone Remote ID",
    "4000::/3": "not given out",
    "5f00::/16": "Segment Routing SIDs",
    "fc00::/7": "Unique-Local, with fd00:ec2::254, EC2's metadata",
    "fe80::/10": "Link-Local",
    "fec0::/10": "Site-Local, deprecated",
    "ff00::/8": "Multicast",
}
"""Outside of the global unicast space, or inside of a table's entry: nobody lists them, none may pass."""


def samples(network: IPv4Network | IPv6Network) -> list[str]:
    """Return the first, the last and some random addresses of a network."""
    chosen = random.Random(str(network))
    places = {0, network.num_addresses - 1, *(chosen.randrange(network.num_addresses) for _ in range(20))}
    return [str(network[place]) for place in sorted(places)]


def wrappings(address: str) -> list[str]:
    """Return the IPv6 addresses that a gateway or a socket would take for this IPv4 one."""
    value = int(IPv4Address(address))
    return [
        str(IPv6Address(0xFFFF << 32 | value)),
        str(IPv6Address(0x64FF9B << 96 | value)),
        str(IPv6Address(0x2002 << 112 | value << 80)),
        str(IPv6Address(0x2600_1F18 << 96 | 0x5EFE << 32 | value)),
        str(IPv6Address(0x2600_1F18 << 96 | 0x0200_5EFE << 32 | value)),
    ]


@pytest.mark.parametrize("address", PUBLIC_IPV4 + PUBLIC_IPV6)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PUBLIC_IPV4)
def test_a_public_address_is_public_in_every_wrapping(address: str) -> None:
    assert [wrapped for wrapped in wrappings(address) if not is_public(wrapped)] == []


@pytest.mark.parametrize("network", NOT_PUBLIC_IPV4, ids=str)
def test_special_ipv4_networks_are_not_public_in_any_wrapping(network: IPv4Network) -> None:
    addresses = samples(network)
    wrapped = [dressed for address in addresses for dressed in wrappings(address)]
    assert [address for address in addresses + wrapped if is_public(address)] == []


@pytest.mark.parametrize("network", [*map(str, NOT_PUBLIC_IPV6), *OTHER_IPV6])
def test_special_ipv6_networks_are_not_public(network: str) -> None:
    assert [address for address in samples(IPv6Network(network)) if is_public(address)] == []


@pytest.mark.parametrize(
    "address",
    [
        *("::10.0.0.1", "::169.254.169.254", "::127.0.0.1", "::93.184.216.34"),
        *("::ffff:0:10.0.0.1", "::ffff:0:169.254.169.254", "::ffff:0:93.184.216.34"),
        *("64:ff9b:1::a00:1", "64:ff9b:1::a9fe:a9fe", "64:ff9b:1:ffff::7f00:1"),
        *("192.0.0.1", "192.0.0.8", "192.0.0.9", "192.0.0.10", "192.0.0.170", "192.0.0.171"),
        *("192.88.99.2", "fe80::1%eth0", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23"),
    ],
)
def test_addresses_that_once_passed_or_that_hold_credentials(address: str) -> None:
    assert not is_public(address)


def test_most_of_the_internet_is_public() -> None:
    chosen = random.Random(0)
    addresses = [str(IPv4Address(chosen.randrange(1 << 24, 224 << 24))) for _ in range(2_000)]
    assert sum(map(is_public, addresses)) > 1_900
