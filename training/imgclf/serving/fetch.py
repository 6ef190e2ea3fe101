"""Fetch an image from a URL that a stranger chose, without being turned against the private network.

Each host name is resolved once and the connection goes to exactly the address that was checked, so a
second look-up cannot answer differently. Redirects are checked as the first address was. The one private
address that may be reached is the AWS endpoint which this process's own SDK uses (presigned S3 URLs).
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from urllib.parse import SplitResult, urljoin, urlsplit

from imgclf.errors import SourceError, TooLargeError

MAX_DOWNLOAD_BYTES = 20 * 2**20
TIMEOUT_S = 10.0
"""For the whole fetch: look-up, connection, redirects and body."""
MAX_REDIRECTS = 3
CHUNK_BYTES = 65_536
REDIRECTS = frozenset({301, 302, 303, 307, 308})
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_PORTS = {"http": 80, "https": 443}


def fetch_image(url: str, *, environ: Mapping[str, str]) -> bytes:
    """Return the bytes behind an http(s) URL.

    Raises SourceError for a forbidden, unreachable, slow or failing source, TooLargeError for a body
    over MAX_DOWNLOAD_BYTES.
    """
    deadline = time.monotonic() + TIMEOUT_S
    trusted = _trusted_endpoints(environ)
    for _ in range(MAX_REDIRECTS + 1):
        answer = _get(_parse(url), trusted=trusted, deadline=deadline)
        if isinstance(answer, bytes):
            return answer
        url = urljoin(url, answer)
    raise SourceError(f"the URL redirects more than {MAX_REDIRECTS} times: send the final address")


def _trusted_endpoints(environ: Mapping[str, str]) -> set[tuple[str, int]]:
    """Return host and port of the AWS endpoints that this process is configured for."""
    urls = [urlsplit(environ[name]) for name in ENDPOINT_VARIABLES if environ.get(name)]
    return {(url.hostname, url.port or _PORTS.get(url.scheme, 443)) for url in urls if url.hostname}


def _parse(url: str) -> SplitResult:
    """Split a URL; raise SourceError unless it is plain http or https."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not url.isascii() or any(character <= " " for character in url):
        raise SourceError(f"URL {url[:200]!r} is not a valid http or https address")
    return parts


def _get(parts: SplitResult, *, trusted: set[tuple[str, int]], deadline: float) -> bytes | str:
    """Ask for one URL; return its body, or the address it redirects to."""
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    connection = _connect(parts.scheme, host, port, trusted=trusted, deadline=deadline)
    # Timeouts of a socket start anew with each byte: this closes a source that drips for ever.
    alarm = threading.Timer(max(0.0, deadline - time.monotonic()), _abort, [connection.sock])
    alarm.daemon = True
    alarm.start()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"Accept": "image/*", "User-Agent": "musher"})
        response = connection.getresponse()
        location = response.headers.get("Location")
        if response.status in REDIRECTS and location:
            return location
        if response.status != 200:
            raise SourceError(f"{host}:{port} answered {response.status} {response.reason}: check the URL")
        return _read(response)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if time.monotonic() >= deadline:
            raise SourceError(f"{host}:{port} took more than {TIMEOUT_S:.0f} s") from error
        raise SourceError(f"{host}:{port} broke off: {error!r}") from error
    finally:
        alarm.cancel()
        connection.close()


def _connect(
    scheme: str, host: str, port: int, *, trusted: set[tuple[str, int]], deadline: float
) -> http.client.HTTPConnection:
    """Open a connection to an address of the host that was checked to be public."""
    address = _resolve(host, port, any_address=(host, port) in trusted)
    try:
        sock = socket.create_connection((address, port), timeout=max(0.1, deadline - time.monotonic()))
        if scheme == "https":
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
    except OSError as error:
        raise SourceError(f"{host}:{port} cannot be reached: {error}") from error
    connection = http.client.HTTPConnection(host, port)
    connection.auto_open = 0
    connection.sock = sock
    return connection


def _resolve(host: str, port: int, *, any_address: bool) -> str:
    """Look the host up once; return its first address, raise SourceError if one is not public."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SourceError(f"host {host!r} cannot be resolved: {error}") from error
    addresses = [str(answer[4][0]) for answer in answers]
    if not any_address and not all(is_public(address) for address in addresses):
        raise SourceError(
            f"host {host!r} is not a public address: only images on the public internet are fetched"
        )
    return addresses[0]


def is_public(address: str) -> bool:
    """Tell whether an IP address is on the public internet, also when it wraps an IPv4 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip.teredo is not None or ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast


def _read(response: http.client.HTTPResponse) -> bytes:
    """Read the body up to the limit; raise TooLargeError beyond it."""
    too_large = TooLargeError(
        f"the image at the URL is over {MAX_DOWNLOAD_BYTES // 2**20} MB: send a smaller one"
    )
    if (response.length or 0) > MAX_DOWNLOAD_BYTES:
        raise too_large
    body = bytearray()
    while chunk := response.read(CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_DOWNLOAD_BYTES:
            raise too_large
    if response.length:
        raise http.client.IncompleteRead(bytes(body[:0]), response.length)
    return bytes(body)


def _abort(sock: socket.socket | None) -> None:
    """Wake whoever waits for this socket."""
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
