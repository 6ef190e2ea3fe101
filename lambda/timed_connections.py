"""Open a connection within one time limit: name, TCP and TLS together.

A socket's own limit holds for each address and for each message of a TLS handshake anew, and for the look-up
of the name not at all. That look-up is the C library's, and nothing ends it: it is waited for in a thread,
which goes on by itself for as long as the resolver takes (some ten seconds).
"""

import functools
import http.client
import select
import socket
import ssl
import threading
import time
from typing import Any
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}


class ConnectTimeoutError(TimeoutError):
    """There is no connection yet, so that nothing was asked."""


def open_connection(base_url: str, *, deadline: float) -> http.client.HTTPConnection:
    """Return a connection that is open; ConnectTimeoutError at the deadline (of time.monotonic).

    OSError for an address that is none, too.
    """
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError) as error:
        raise OSError(f"{base_url} is no address of http or https: {error}") from error
    connection = http.client.HTTPConnection(host, port)
    connection.auto_open = 0
    try:
        connection.sock = open_socket(host, port, deadline=deadline)
        if parts.scheme == "https":
            connection.sock = start_tls(connection.sock, host, deadline=deadline)
    except TimeoutError as error:
        connection.close()
        raise ConnectTimeoutError(f"no connection to {host} in time: {error}") from error
    except OSError:  # before ValueError: a certificate's error is both
        connection.close()
        raise
    except ValueError as error:  # no name that TLS could ask for
        connection.close()
        raise OSError(f"{base_url} is no address of http or https: {error}") from error
    return connection


def open_socket(host: str, port: int, *, deadline: float) -> socket.socket:
    """Connect to the first of a host's addresses that answers; each has its share of what time is left."""
    addresses = resolve(host, port, deadline=deadline)
    failure = OSError(f"{host} has no address")
    for left, (family, kind, protocol, _, address) in zip(
        range(len(addresses), 0, -1), addresses, strict=True
    ):
        try:
            return connect(socket.socket(family, kind, protocol), address, limit_s=left_s(deadline) / left)
        except OSError as error:  # also where this machine has no such family, as IPv6 may be off
            failure = error
    raise failure


def connect(sock: socket.socket, address: Any, *, limit_s: float) -> socket.socket:
    """Return the socket connected; close it where that fails."""
    try:
        sock.settimeout(limit_s)
        sock.connect(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        sock.close()
        raise
    return sock


def resolve(host: str, port: int, *, deadline: float) -> list[Any]:
    """Return getaddrinfo's answer; TimeoutError where it has none at the deadline."""
    found: list[Any] = []

    def look_up() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:  # ValueError: no name that DNS could hold
            found.append(OSError(f"{host}: {error}"))

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(left_s(deadline))
    if not found:
        raise TimeoutError(f"{host} is not resolved")
    if isinstance(found[0], OSError):
        raise found[0]
    addresses: list[Any] = found[0]
    return addresses


def start_tls(sock: socket.socket, host: str, *, deadline: float) -> ssl.SSLSocket:
    """Return the socket with TLS on it; the whole handshake ends at the deadline."""
    secured = tls_context().wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    secured.setblocking(False)
    try:
        while True:
            try:
                secured.do_handshake()
            except ssl.SSLWantReadError:
                wait_for(secured, select.POLLIN, deadline=deadline)
            except ssl.SSLWantWriteError:
                wait_for(secured, select.POLLOUT, deadline=deadline)
            else:
                return secured
    except OSError:
        secured.close()
        raise


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Return the certificates that are trusted, read once."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def wait_for(sock: socket.socket, event: int, *, deadline: float) -> None:
    """Wait until a socket can be read or written."""
    poll = select.poll()
    poll.register(sock, event)
    if not poll.poll(left_s(deadline) * 1000):
        raise TimeoutError("the TLS handshake does not end")


def left_s(deadline: float) -> float:
    """Return the seconds until a moment; TimeoutError where it is over."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time to connect is over")
    return left
