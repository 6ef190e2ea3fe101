"""A stranger's URL is looked at before anything is connected to, and in bounded time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from imgclf.errors import SourceError
from imgclf.serving import fetch
from imgclf.serving.fetch import fetch_image


@pytest.fixture
def slow_lookups(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[threading.Event]]:
    """Let every look-up wait until the test ends, as without a network; give what ends each."""
    ended = threading.Event()
    begun: list[threading.Event] = []

    def wait(*_: Any, **__: Any) -> list[Any]:
        begun.append(ended)
        ended.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    monkeypatch.setattr(fetch, "TIMEOUT_S", 0.2)
    yield begun
    ended.set()


def answer_with(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every look-up give these addresses; return the hosts that were looked up."""
    hosts: list[str] = []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        hosts.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return hosts


def refuse_connections(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Let every connection fail; return the addresses that were tried."""
    tried: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], **_: Any) -> socket.socket:
        tried.append(address)
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    return tried


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cat.jpg",
        "file:///etc/passwd",
        "ftp://example.com/x",
        "http://",
        "http://a b/",
        "http://h:99999/",
        "http://h:0/",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(SourceError, match="is not a valid http or https address") as raised:
        fetch_image(url, environ={})
    assert raised.value.status == 424


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "http://2130706433/", "http://[::1]:80/", "http://169.254.169.254/latest/"]
)
def test_private_addresses_are_refused_without_a_connection(url: str) -> None:
    with pytest.raises(SourceError, match="not a public address"):
        fetch_image(url, environ={"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})


@pytest.mark.parametrize("port", [1, 22, 25, 6379, 8080, 65535])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_other_ports_are_refused_without_a_look_up(
    monkeypatch: pytest.MonkeyPatch, scheme: str, port: int
) -> None:
    hosts = answer_with(monkeypatch, "93.184.216.34")
    with pytest.raises(SourceError, match=f"port {port} is not fetched from: use a URL at port 80 or 443"):
        fetch_image(f"{scheme}://example.com:{port}/x.jpg", environ={})
    assert hosts == []


def test_the_aws_endpoint_may_have_any_port_and_address(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = refuse_connections(monkeypatch)
    with pytest.raises(SourceError, match="cannot be reached: refused"):
        fetch_image("http://127.0.0.1:4566/b/k", environ={"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:4566"})
    assert tried == [("127.0.0.1", 4566)]


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is looked up once, so that it cannot point elsewhere the second time."""
    hosts, tried = answer_with(monkeypatch, "93.184.216.34", "93.184.216.35"), refuse_connections(monkeypatch)
    with pytest.raises(SourceError, match=r"example\.com:443 cannot be reached: refused"):
        fetch_image("https://example.com/x.jpg", environ={})
    assert hosts == ["example.com"]
    assert tried == [("93.184.216.34", 443), ("93.184.216.35", 443)]


def test_a_host_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, "93.184.216.34", "169.254.170.2")
    tried = refuse_connections(monkeypatch)
    with pytest.raises(SourceError, match=r"host 'example\.com' is not a public address"):
        fetch_image("https://example.com/x.jpg", environ={})
    assert tried == []


def test_a_long_url_is_refused_as_the_function_does(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://example.com/"
    refuse_connections(monkeypatch)
    answer_with(monkeypatch, "93.184.216.34")
    with pytest.raises(SourceError, match="the URL has 8193 characters: at most 8192 are taken"):
        fetch_image(url + "a" * (8_193 - len(url)), environ={})
    with pytest.raises(SourceError, match="cannot be reached"):
        fetch_image(url + "a" * (8_192 - len(url)), environ={})


@pytest.mark.usefixtures("slow_lookups")
def test_a_look_up_has_the_time_of_the_whole_fetch_and_no_more() -> None:
    """getaddrinfo itself took 25 s where no server answered."""
    started = time.monotonic()
    with pytest.raises(SourceError, match=r"the look-up of host 'example\.com' took more than 0 s"):
        fetch_image("https://example.com/x.jpg", environ={})
    assert time.monotonic() - started < 3


def test_look_ups_that_hang_are_bounded(
    slow_lookups: list[threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    places = threading.BoundedSemaphore(1)
    monkeypatch.setattr(fetch, "_lookups", places)
    for reason in ("took more than", "too many others are; try again", "too many others are; try again"):
        with pytest.raises(SourceError, match=reason):
            fetch_image("https://example.com/x.jpg", environ={})
    assert len(slow_lookups) == 1
    slow_lookups[0].set()
    assert places.acquire(timeout=5), "the look-up's place is not free again"


def test_a_host_that_does_not_exist_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(SourceError, match=r"host 'nowhere\.example' cannot be resolved: .*Name or service"):
        fetch_image("http://nowhere.example/", environ={})


def test_addresses_that_never_answer_share_the_time_of_the_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    many = [f"93.184.216.{number}" for number in range(200)]

    def never(address: tuple[str, int], timeout: float) -> socket.socket:
        asked.append(timeout)
        raise TimeoutError("timed out")

    monkeypatch.setattr(fetch, "_look_up", lambda host, port, deadline: many)
    monkeypatch.setattr(fetch.socket, "create_connection", never)
    with pytest.raises(SourceError, match="cannot be reached: timed out"):
        fetch_image("http://photos.example/a.jpg", environ={})
    assert len(asked) == fetch.MAX_ADDRESSES
    assert max(asked) <= fetch.TIMEOUT_S


def test_no_connection_is_tried_past_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = refuse_connections(monkeypatch)
    monkeypatch.setattr(fetch, "_look_up", lambda host, port, deadline: ["93.184.216.34"])
    monkeypatch.setattr(fetch, "TIMEOUT_S", 0.0)
    with pytest.raises(SourceError, match="took more than 0 s"):
        fetch_image("http://photos.example/a.jpg", environ={})
    assert refused == []


def test_a_refused_url_is_not_repeated_as_it_may_hold_a_secret() -> None:
    with pytest.raises(SourceError) as caught:
        fetch_image("https://user:hunter2@example.com/a b.jpg?X-Amz-Signature=SECRET", environ={})
    assert "hunter2" not in str(caught.value)
    assert "SECRET" not in str(caught.value)
