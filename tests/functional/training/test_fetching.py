"""Fetching from hosts that are slow, cut off, endless or lie; each is an error in bounded time."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from imgclf.errors import BusySourceError, SourceError, TooLargeError
from imgclf.serving import fetch
from imgclf.serving.fetch import fetch_image

Serve = Callable[[socket.socket], None]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Serve], str]]:
    """Return a starter of a host on loopback: host(serve) -> URL, trusted as this process's AWS endpoint."""
    monkeypatch.setattr(fetch, "TIMEOUT_S", 1.0)
    listeners: list[socket.socket] = []

    def start(serve: Serve) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            try:
                while True:
                    client, _ = listener.accept()
                    with client:
                        client.recv(65_536)
                        serve(client)
            except OSError:  # the client or the test is done
                return

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.close()


def get(url: str) -> bytes:
    return fetch_image(f"{url}/x.jpg", environ={"AWS_ENDPOINT_URL": url})


def timed_failure(url: str, reason: str) -> None:
    """Expect a refusal with this reason in little more than the time that a fetch has."""
    started = time.monotonic()
    with pytest.raises(SourceError, match=reason):
        get(url)
    assert time.monotonic() - started < 5


def test_a_body_with_and_without_a_length_is_fetched(host: Callable[[Serve], str]) -> None:
    assert get(host(lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"))) == b"abc"
    assert get(host(lambda c: c.sendall(b"HTTP/1.0 200 OK\r\n\r\nabc"))) == b"abc"


@pytest.mark.parametrize("status", [b"503 Slow Down", b"429 Too Many Requests", b"500 Internal Server Error"])
def test_a_source_that_is_busy_is_asked_once_more(host: Callable[[Serve], str], status: bytes) -> None:
    """S3 answers 503 where it moves a bucket's load; every SDK asks again."""
    busy = b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    answers = [busy, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nimage"]
    assert get(host(lambda client: client.sendall(answers.pop(0)))) == b"image"
    assert answers == []


def test_a_source_that_stays_busy_is_an_error_that_says_so(host: Callable[[Serve], str]) -> None:
    asked: list[None] = []

    def serve(client: socket.socket) -> None:
        asked.append(None)
        client.sendall(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with pytest.raises(BusySourceError, match="answered 503 Slow Down: try again later") as caught:
        get(host(serve))
    assert (caught.value.status, caught.value.retry_after_s) == (429, 1)
    assert len(asked) == 2


def test_a_body_without_a_length_that_the_deadline_cuts_is_an_error(host: Callable[[Serve], str]) -> None:
    """The part that had come was once returned as the whole."""

    def drip(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        for _ in range(100):
            client.sendall(b"part")
            time.sleep(0.05)

    timed_failure(host(drip), "took more than 1 s: use a faster source")


def test_headers_that_drip_are_an_error(host: Callable[[Serve], str]) -> None:
    def drip(client: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200:
            client.sendall(bytes([byte]))
            time.sleep(0.05)

    timed_failure(host(drip), "took more than 1 s")


def test_endless_interim_answers_are_an_error(host: Callable[[Serve], str]) -> None:
    def interim(client: socket.socket) -> None:
        while True:
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

    timed_failure(host(interim), "took more than 1 s")


def test_a_host_that_says_nothing_is_an_error(host: Callable[[Serve], str]) -> None:
    timed_failure(host(lambda _: time.sleep(8)), "took more than 1 s")


def test_a_tls_handshake_that_drips_is_an_error(host: Callable[[Serve], str]) -> None:
    """Each byte once gave the handshake its whole time anew."""

    def drip(client: socket.socket) -> None:
        client.sendall(b"\x16\x03\x03\x40\x00")
        for _ in range(200):
            client.sendall(b"\0")
            time.sleep(0.05)

    timed_failure(host(drip).replace("http:", "https:"), "took more than 1 s")


def test_a_body_shorter_than_its_length_is_an_error(host: Callable[[Serve], str]) -> None:
    timed_failure(
        host(lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")), "broke off: Incomplete"
    )


@pytest.mark.parametrize(
    "lengths", [(b"-5",), (b"3", b"4"), (b"3, 4",), (b"3x",), (b"+3",), (b"9" * 5_000,), (b"",)]
)
def test_a_length_that_is_none_is_an_error(host: Callable[[Serve], str], lengths: tuple[bytes, ...]) -> None:
    """Whoever reads the same answer elsewhere may take another length than we do, and other bytes."""
    head = b"".join(b"Content-Length: " + length + b"\r\n" for length in lengths)
    answer = b"HTTP/1.1 200 OK\r\n" + head + b"\r\nabc"
    announced = re.escape(repr(b", ".join(lengths).decode()[:200]))
    timed_failure(host(lambda c: c.sendall(answer)), f"Content-Length {announced}, which is no one size")


def test_the_same_length_twice_is_one(host: Callable[[Serve], str]) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"
    assert get(host(lambda c: c.sendall(answer))) == b"abc"


def test_a_chunked_body_that_breaks_off_is_an_error(host: Callable[[Serve], str]) -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"
    timed_failure(host(lambda c: c.sendall(answer)), "broke off: Incomplete")


@pytest.mark.parametrize("head", [b"Transfer-Encoding: chunked\r\n", b"X: y\r\n"])
def test_a_body_over_the_limit_is_413(
    host: Callable[[Serve], str], head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "MAX_DOWNLOAD_BYTES", 2**20)

    def pour(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        while True:
            client.sendall(b"10000\r\n" + bytes(65_536) + b"\r\n")

    with pytest.raises(TooLargeError, match="is over 1 MiB") as raised:
        get(host(pour))
    assert raised.value.status == 413


@pytest.mark.parametrize(
    "answer", [b"", b"\0" * 100, b"HTTP/9.9 banana\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a" * 70_000]
)
def test_what_is_no_http_is_an_error(host: Callable[[Serve], str], answer: bytes) -> None:
    timed_failure(host(lambda client: client.sendall(answer)), "broke off")


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        (b"http://169.254.169.254/latest/", "'169.254.169.254' is not a public address"),
        (b"http://[::ffff:0:127.0.0.1]/", "is not a public address"),
        (b"file:///etc/passwd", "is not a valid http or https address"),
        (b"http://127.0.0.1:22/", "port 22 is not fetched from"),
        (b"//[::1", r"redirects to '//\[::1', which is no address"),
    ],
)
def test_a_redirect_is_checked_as_the_first_address_was(
    host: Callable[[Serve], str], location: bytes, reason: str
) -> None:
    answer = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n"
    timed_failure(host(lambda client: client.sendall(answer)), reason)


@pytest.mark.parametrize("size", [b"-1", b"7fffffff"])
def test_a_piece_without_a_bound_is_an_error(host: Callable[[Serve], str], size: bytes) -> None:
    """http.client takes a chunk of -1 bytes for all that the connection will ever bring."""

    def serve(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\n")
        with suppress(OSError):
            for _ in range(4_000):
                client.sendall(bytes(65_536))

    started = time.monotonic()
    with pytest.raises((SourceError, TooLargeError)):
        get(host(serve))
    assert time.monotonic() - started < 5
