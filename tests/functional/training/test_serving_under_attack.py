"""A real serve.py process under attack: whoever else asks gets an answer, and memory falls again."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.functional.training.sources import SLOW_S, photo


def megabytes(server: Any, name: str = "VmRSS") -> float:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) / 1000


def seconds_to_answer(server: Any) -> float:
    """Classify an image; return how long that took."""
    started = time.monotonic()
    assert server.invoke(photo(), "image/jpeg")[0] == 200
    return time.monotonic() - started


def test_an_endless_header_stops_nobody_else(server: Any) -> None:
    """After 200 MB of one header nobody was answered for 15 minutes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as attacker:
        attacker.sendall(b"POST /invocations HTTP/1.1\r\nX: ")
        with pytest.raises(ConnectionError):
            attacker.sendall(b"a" * 200_000_000)
    assert seconds_to_answer(server) < 5


def test_an_endless_header_is_answered(server: Any) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(b"GET /ping HTTP/1.1\r\nX: " + b"a" * 66_000)
        answer = client.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"].startswith("over 65536 bytes of headers")


def test_a_body_behind_an_upgrade_is_not_answered_as_a_request(server: Any) -> None:
    """It once was: two answers for one request put a proxy's connection out of step."""
    smuggled = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"GET /ping HTTP/1.1\r\nHost: x\r\nUpgrade: foo\r\nConnection: Upgrade\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(head + b"Content-Length: %d\r\n\r\n" % len(smuggled))
        answers = client.recv(65_536)
        with contextlib.suppress(OSError):  # of a connection that is closed by then, as it should be
            client.sendall(smuggled)
            answers += client.recv(65_536)
    assert answers.startswith(b"HTTP/1.1 400 Bad Request")
    assert answers.count(b"HTTP/1.1 ") == 1
    assert "send the request without one" in json.loads(answers.partition(b"\r\n\r\n")[2])["error"]


def test_half_bodies_of_one_client_keep_nobody_waiting(server: Any) -> None:
    """256 of them once gave 503 to everybody for 30 s."""
    head = (
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: 9999\r\n\r\n"
    )
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            client.sendall(head + b"half")
        time.sleep(1.1)
        assert max(seconds_to_answer(server) for _ in range(10)) < 3


def test_half_a_body_is_408_and_its_connection_closed(server: Any) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout")
    assert b"the body did not arrive in time" in answer


@pytest.mark.parametrize("content_type", ["application/json", "APPLICATION/Json ; a=b"])
def test_slow_urls_keep_no_image_waiting(server: Any, source: str, content_type: str) -> None:
    """In other letters, two of them held up all images for 29 s."""
    body = json.dumps({"url": f"{source}/slow"}).encode()
    with ThreadPoolExecutor(12) as pool:
        slow = [pool.submit(server.invoke, body, content_type) for _ in range(6)]
        time.sleep(0.5)
        assert max(seconds_to_answer(server) for _ in range(3)) < SLOW_S / 2
        assert not any(request.done() for request in slow)
        assert [request.result()[0] for request in slow] == [200] * 6


def test_more_urls_than_may_wait_are_503_and_images_are_answered(server: Any, source: str) -> None:
    body = json.dumps({"url": f"{source}/half"}).encode()
    with ThreadPoolExecutor(60) as pool:
        asked = [pool.submit(server.invoke, body, "application/json") for _ in range(50)]
        time.sleep(1)
        seconds_to_answer(server)
        assert not all(request.done() for request in asked)
        statuses = [request.result()[0] for request in asked]
    assert set(statuses) <= {200, 503}
    assert statuses.count(503) >= 10


@pytest.mark.parametrize(
    "body", [b"[" * 60_000, b'{"url":' * 9_000, b"[" * 100_000, b'{"url": "' + b"[" * 5_000_000 + b'"}']
)
def test_json_that_is_deep_or_long_is_a_4xx(server: Any, body: bytes) -> None:
    assert server.invoke(body, "application/json")[0] in (400, 413, 424)


def test_memory_is_bounded_while_large_images_are_decoded_and_falls_after(server: Any) -> None:
    """Four at once once took 3.2 GB, of which 2.2 GB stayed."""
    buffer = io.BytesIO()
    Image.new("RGBA", (5_000, 5_000), (1, 2, 3, 128)).save(buffer, "PNG", compress_level=1)
    before = megabytes(server)
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: server.invoke(buffer.getvalue(), "image/png")[0], range(8)))
    assert answers == [200] * 8
    assert megabytes(server, "VmHWM") - before < 600
    assert megabytes(server) - before < 150


HEAD = b"%s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 1000000000\r\n\r\n"


@pytest.mark.parametrize("drips", [False, True])
@pytest.mark.parametrize(
    ("request_line", "content_type", "status"),
    [
        (b"POST /invocations", b"image/jpeg", 413),
        (b"POST /invocations", b"text/csv", 413),
        (b"POST /", b"image/jpeg", 404),
        (b"GET /invocations", b"image/jpeg", 405),
        (b"GET /ping", b"image/jpeg", 200),
    ],
)
def test_a_body_that_is_announced_and_not_read_holds_no_connection(
    server: Any, request_line: bytes, content_type: bytes, status: int, drips: bool
) -> None:
    """The answer comes at once, and the connection ends soon, whether the body comes by bytes or never."""
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=0.5) as client:
        client.sendall(HEAD % (request_line, content_type))
        client.settimeout(10)
        assert client.recv(65_536).startswith(b"HTTP/1.1 %d " % status)
        assert time.monotonic() - started < 2
        client.settimeout(0.5)
        while not is_closed(client):
            assert time.monotonic() - started < 15, "the connection is still held"
            if drips:
                with contextlib.suppress(ConnectionError):
                    client.sendall(b"x")


def is_closed(client: socket.socket) -> bool:
    """Wait for half a second; return whether the server has closed the connection."""
    try:
        return client.recv(65_536) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True
