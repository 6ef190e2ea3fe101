"""A connection to real servers, within one time limit: names, addresses that are silent, and TLS."""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import timed_connections
from timed_connections import ConnectTimeoutError, open_connection

from localaws.certificates import make_certificates

LIMIT_S = 0.6
SLACK_S = 1.5
"""Real seconds that a slow machine gets beyond a limit."""


@contextlib.contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Let a function answer the first connection; yield the port."""

    def accept() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def drip(connection: socket.socket) -> None:
    """Begin a TLS record, and send its bytes one by one: each of them is in time."""
    for byte in b"\x16\x03\x03\x40\x00" + b"\x02" * 60:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def be_silent(connection: socket.socket) -> None:
    """Answer nothing until the other side goes."""
    connection.settimeout(5)
    with contextlib.suppress(OSError):
        while connection.recv(4096):
            pass


def seconds_until_refused(url: str) -> float:
    """Return how long it takes until there is no connection."""
    started = time.monotonic()
    with pytest.raises(ConnectTimeoutError):
        open_connection(url, deadline=started + LIMIT_S)
    return time.monotonic() - started


@pytest.mark.parametrize("answer", [drip, be_silent])
def test_a_handshake_that_does_not_end_is_given_up(answer: Callable[[socket.socket], None]) -> None:
    """`drip` takes three seconds, and no single byte is late."""
    with serving(answer) as port:
        assert LIMIT_S <= seconds_until_refused(f"https://127.0.0.1:{port}") < LIMIT_S + SLACK_S


def test_a_name_that_is_not_resolved_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed_connections.socket, "getaddrinfo", lambda *_, **__: time.sleep(4))
    assert LIMIT_S <= seconds_until_refused("http://slow.example") < LIMIT_S + SLACK_S


def test_a_name_that_there_is_not_is_no_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    def miss(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(timed_connections.socket, "getaddrinfo", miss)
    with pytest.raises(OSError, match=r"nowhere.example: .*not known") as error:
        open_connection("http://nowhere.example", deadline=time.monotonic() + 5)
    assert not isinstance(error.value, TimeoutError)


def test_the_second_address_is_tried_where_the_first_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener with a full queue takes no more connections, and refuses none."""
    with serving(be_silent) as port, socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        silent = full.getsockname()
        with contextlib.ExitStack() as queued:
            for _ in range(4):
                waiting = queued.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(silent)
            kinds = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
            addresses = [(*kinds, silent), (*kinds, ("127.0.0.1", port))]
            monkeypatch.setattr(timed_connections.socket, "getaddrinfo", lambda *_, **__: addresses)
            connection = open_connection("http://two.example", deadline=time.monotonic() + 2)
            assert connection.sock.getpeername() == ("127.0.0.1", port)
            connection.close()


def test_a_certificate_is_checked_and_http_goes_over_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = make_certificates(tmp_path, names=[])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificates.server)

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError), server.wrap_socket(connection, server_side=True) as secured:
            secured.recv(4096)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with serving(answer) as port, pytest.raises(ssl.SSLCertVerificationError):
        open_connection(f"https://localhost:{port}", deadline=time.monotonic() + 5)
    trusting = ssl.create_default_context(cafile=str(certificates.authority))
    monkeypatch.setattr(timed_connections, "tls_context", lambda: trusting)
    with serving(answer) as port:
        connection = open_connection(f"https://localhost:{port}", deadline=time.monotonic() + 5)
        connection.sock.settimeout(5)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"ok"
        connection.close()


def test_a_connection_is_not_opened_again_behind_the_client_s_back() -> None:
    with serving(be_silent) as port:
        connection = open_connection(f"http://127.0.0.1:{port}", deadline=time.monotonic() + 5)
        assert connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        connection.close()
        with pytest.raises(http.client.NotConnected):
            connection.request("GET", "/")
