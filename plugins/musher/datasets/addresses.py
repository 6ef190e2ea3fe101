"""Connect to whom a URL names, but never to the addresses at which a machine learns its own credentials.

Every address that a name resolves to is judged, and the connection goes to one that was judged: a second
answer of the name server changes nothing. Each redirect is a new connection, and judged as well. Other
private addresses are allowed: a server of photos often is an internal one.
"""

import http.client
import io
import ipaddress
import socket
import time
import urllib.request
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from musher.errors import DatasetSourceError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_ADDRESSES = 8
"""Of a host that are tried."""

REFUSED_NETWORKS = tuple(
    map(
        ipaddress.ip_network,
        (
            "169.254.0.0/16",  # EC2 and most clouds 169.254.169.254, ECS 169.254.170.2, EKS 169.254.170.23
            "fe80::/10",
            "fd00:ec2::/32",  # EC2 fd00:ec2::254, EKS fd00:ec2::23
            "fd20:ce::/32",  # Google fd20:ce::254
            "100.100.100.200/32",  # Alibaba
            "168.63.129.16/32",  # Azure's host
            "192.0.0.192/32",  # Oracle
            "64:ff9b:1::/48",  # a network's own NAT64 (RFC 8215); only it knows where the IPv4 address is
        ),
    )
)
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html,
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html and
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html."""

CARRYING_NETWORKS = (
    ipaddress.IPv6Network("64:ff9b::/96"),  # NAT64 (RFC 6052)
    ipaddress.IPv6Network("::/96"),  # two old ways to write an IPv4 address: RFC 4291
    ipaddress.IPv6Network("::ffff:0:0:0/96"),  # and RFC 2765
)
"""Whose last 32 bits are an IPv4 address."""


def is_refused(address: str) -> bool:
    """Return whether an address, or the IPv4 address that it carries, is one of the refused."""
    given = ipaddress.ip_address(address.partition("%")[0])
    return any(
        each in network
        for each in (given, *_carried(given))
        for network in REFUSED_NETWORKS
        if network.version == each.version
    )


def connect(
    host: str, port: int, *, timeout_s: float | None, resolve: Callable[..., Any] = socket.getaddrinfo
) -> socket.socket:
    """Return a connection to the first address of a host that answers.

    Raises DatasetSourceError where one of its addresses is refused, OSError where none answers.
    """
    found = [str(item[4][0]) for item in resolve(host, port, type=socket.SOCK_STREAM)]
    _refuse(host, found)
    failure: OSError = OSError(f"{host} has no address")
    for address in found[:MAX_ADDRESSES]:
        try:
            return socket.create_connection((address, port), timeout_s)
        except OSError as error:
            failure = error
    raise failure


def refuse_literal(url: str) -> None:
    """Refuse a URL whose host is a refused address, in whatever way it is written; a proxy may resolve it."""
    host = urlsplit(url).hostname or ""
    if literal := _parse_literal(host):
        _refuse(host, [literal])


class JudgedHTTPConnection(http.client.HTTPConnection):
    """An HTTP connection that is made by `connect`, and ends at a deadline (of time.monotonic)."""

    def __init__(self, host: str, *, deadline: float, **options: Any) -> None:
        super().__init__(host, **options)
        self._create_connection = _create_connection
        self.response_class = partial(TimedResponse, deadline=deadline)  # type: ignore[assignment]  # only called


class JudgedHTTPSConnection(http.client.HTTPSConnection):
    """The same by HTTPS; the certificate is still held against the name."""

    def __init__(self, host: str, *, deadline: float, **options: Any) -> None:
        super().__init__(host, **options)
        self._create_connection = _create_connection
        self.response_class = partial(TimedResponse, deadline=deadline)  # type: ignore[assignment]  # only called


class TimedResponse(http.client.HTTPResponse):
    """An answer that must be whole by the deadline, headers included, however slowly it drips."""

    def __init__(self, sock: socket.socket, *arguments: Any, deadline: float, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_TimedReader(sock.makefile("rb", buffering=0), deadline=deadline))


class JudgedHTTPHandler(urllib.request.HTTPHandler):
    """Open http with judged connections."""

    def __init__(self, *, deadline: float) -> None:
        super().__init__()
        self.deadline = deadline

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Send a request."""
        refuse_literal(req.full_url)
        return self.do_open(partial(JudgedHTTPConnection, deadline=self.deadline), req)


class JudgedHTTPSHandler(urllib.request.HTTPSHandler):
    """Open https with judged connections."""

    def __init__(self, *, deadline: float) -> None:
        super().__init__()
        self.deadline = deadline

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Send a request."""
        refuse_literal(req.full_url)
        return self.do_open(partial(JudgedHTTPSConnection, deadline=self.deadline), req)


class _TimedReader(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, *, deadline: float) -> None:
        self._raw = raw
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if time.monotonic() > self._deadline:
            raise TimeoutError("the answer had not ended when the time was up")
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _create_connection(address: tuple[str, int], timeout: Any = None, *_: Any) -> socket.socket:
    host, port = address
    return connect(host, port, timeout_s=timeout)


def _refuse(host: str, addresses: Iterable[str]) -> None:
    refused = sorted({address for address in addresses if is_refused(address)})
    if refused:
        raise DatasetSourceError(
            f"{host} is {', '.join(refused)}, where a machine gets its own credentials: nothing is ever "
            "downloaded from there. Correct the address, or the server that leads there."
        )


def _parse_literal(host: str) -> str | None:
    """Return the address that a host is, as a resolver would read it: 2852039166 is 169.254.169.254."""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass  # perhaps one of the older ways to write it
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def _carried(address: Address) -> list[Address]:
    """Return the IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    carried = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in CARRYING_NETWORKS):
        carried.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in carried if each is not None]
