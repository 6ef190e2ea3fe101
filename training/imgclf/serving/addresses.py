"""Which IP addresses are on the public internet: the policy of docs/url-fetching.md, as code.

An address is public where IANA's registries call it globally reachable unicast. `ipaddress` knows most of
them; the table names the rest, and those that lead somewhere else than they seem to.
https://www.iana.org/assignments/iana-ipv4-special-registry/
https://www.iana.org/assignments/iana-ipv6-special-registry/
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that IANA has given out of IPv6: https://www.iana.org/assignments/ipv6-address-space/"""

NOT_PUBLIC_IPV4 = {
    IPv4Network("0.0.0.0/8"): '"This network"',
    IPv4Network("10.0.0.0/8"): "Private-Use",
    IPv4Network("100.64.0.0/10"): "Shared Address Space",
    IPv4Network("127.0.0.0/8"): "Loopback",
    IPv4Network("168.63.129.16/32"): "Azure's host",
    IPv4Network("169.254.0.0/16"): "Link Local, with the metadata services of EC2 and ECS",
    IPv4Network("172.16.0.0/12"): "Private-Use",
    IPv4Network("192.0.0.0/24"): "IETF Protocol Assignments",
    IPv4Network("192.0.2.0/24"): "Documentation (TEST-NET-1)",
    IPv4Network("192.31.196.0/24"): "AS112-v4",
    IPv4Network("192.52.193.0/24"): "AMT",
    IPv4Network("192.88.99.0/24"): "Deprecated (6to4 Relay Anycast)",
    IPv4Network("192.168.0.0/16"): "Private-Use",
    IPv4Network("192.175.48.0/24"): "Direct Delegation AS112 Service",
    IPv4Network("198.18.0.0/15"): "Benchmarking",
    IPv4Network("198.51.100.0/24"): "Documentation (TEST-NET-2)",
    IPv4Network("203.0.113.0/24"): "Documentation (TEST-NET-3)",
    IPv4Network("224.0.0.0/4"): "Multicast",
    IPv4Network("240.0.0.0/4"): "Reserved, with Limited Broadcast",
}
NOT_PUBLIC_IPV6 = {
    IPv6Network("2001::/23"): "IETF Protocol Assignments, with TEREDO, ORCHIDv2 and Benchmarking",
    IPv6Network("2001:db8::/32"): "Documentation",
    IPv6Network("2620:4f:8000::/48"): "Direct Delegation AS112 Service",
    IPv6Network("3fff::/20"): "Documentation",
}
"""Of GLOBAL_UNICAST; whatever lies outside of it is refused without a name."""

MAPPED = IPv6Network("::ffff:0:0/96")
NAT64 = IPv6Network("64:ff9b::/96")
SIX_TO_FOUR = IPv6Network("2002::/16")
ISATAP_MARKS = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""The third quarter of an address whose last one is IPv4: https://www.rfc-editor.org/rfc/rfc5214#section-6.1"""


def is_public(address: str) -> bool:
    """Return whether an IP address is on the public internet, also when it wraps an IPv4 one."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return ip.is_global and not any(ip in network for network in NOT_PUBLIC_IPV4)
    inner = wrapped_ipv4(ip)
    if inner is not None and not is_public(str(inner)):
        return False
    if ip in MAPPED or ip in NAT64:
        return True
    return ip in GLOBAL_UNICAST and ip.is_global and not any(ip in network for network in NOT_PUBLIC_IPV6)


def wrapped_ipv4(ip: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that a gateway would take out of this one; None where there is none."""
    value = int(ip)
    if ip in MAPPED or ip in NAT64 or (value >> 32) & 0xFFFF_FFFF in ISATAP_MARKS:
        return IPv4Address(value & 0xFFFF_FFFF)
    return IPv4Address((value >> 80) & 0xFFFF_FFFF) if ip in SIX_TO_FOUR else None
