"""Clients that send what has no end, or no beginning, hold up nobody, and are told what is wrong."""

import socket
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

WAIT_S = 30


def connect(url: str) -> socket.socket:
    """Open a connection to localaws."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=WAIT_S)


def read_all(connection: socket.socket) -> bytes:
    """Return what comes until the other side has ended."""
    received = b""
    while data := connection.recv(65536):
        received += data
    return received


def test_half_open_requests_of_one_client_keep_nobody_from_an_answer(localaws: Any) -> None:
    """More than there may be: 300 of them, half in their headers and half in their bodies."""
    head = b"POST /endpoints/none/invocations HTTP/1.1\r\nHost: localhost\r\n"
    opened = [connect(localaws.url) for _ in range(300)]
    try:
        for number, connection in enumerate(opened):
            connection.sendall(head if number % 2 else head + b"Content-Length: 9\r\n\r\n1")
        began = time.monotonic()
        assert localaws.client("sts").get_caller_identity()["Account"] == "123456789012"
        assert time.monotonic() - began < 10
        answers = [read_all(connection) for connection in opened[:40]]
        assert all(answer.startswith(b"HTTP/1.1 503 ") for answer in answers)
    finally:
        for connection in opened:
            connection.close()


def test_a_header_without_end_gets_its_answer_while_others_get_theirs(localaws: Any) -> None:
    with connect(localaws.url) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        sent = 0
        try:
            while sent < 50_000_000:
                sent += connection.send(b"a" * 65536)
        except OSError:
            pass
        else:
            assert localaws.client("sts").get_caller_identity()["Account"] == "123456789012"
    with connect(localaws.url) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"RequestHeaderSectionTooLarge" in answer


def test_an_object_that_was_sent_in_part_is_not_stored(localaws: Any) -> None:
    s3 = localaws.client("s3")
    s3.create_bucket(Bucket="cut-off")
    for is_abrupt in (False, True):
        with connect(localaws.url) as connection:
            connection.sendall(
                b"PUT /cut-off/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
                b"Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request\r\n\r\n"
                b"ab"
            )
            if not is_abrupt:
                connection.shutdown(socket.SHUT_WR)
                assert b"IncompleteBody" in read_all(connection)
    time.sleep(0.5)
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="cut-off", Key="key")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 what TLS begins with\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % "größe".encode(),
        b"GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n",
    ],
    ids=["TLS", "HTTP/2", "path", "address", "length", "two lengths", "tunnel", "no host", "WebSocket"],
)
def test_what_is_no_request_gets_an_answer(localaws: Any, sent: bytes) -> None:
    with connect(localaws.url) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection).startswith(b"HTTP/1.1 4")
