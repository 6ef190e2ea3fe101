"""Whoever a URL names may be asked, but not the addresses of a machine's own credentials."""

import socket
from typing import Any

import pytest

from musher.datasets.addresses import connect, is_refused, refuse_literal
from musher.errors import DatasetSourceError


@pytest.mark.parametrize(
    "address",
    [
        *(
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "169.254.0.1",
            "100.100.100.200",
            "168.63.129.16",
        ),
        *("fd00:ec2::254", "fd00:ec2::23", "fe80::1", "fe80::1%eth0", "fd20:ce::254"),
        *("::ffff:169.254.169.254", "::169.254.169.254", "::ffff:0:169.254.169.254", "64:ff9b::a9fe:a9fe"),
        *(
            "64:ff9b:1::a9fe:a9fe",
            "64:ff9b:1:a9fe:a9:fe00::",
            "64:ff9b:1:0:a9:fea9:fe00:0",
            "2002:a9fe:a9fe::1",
        ),
    ],
)
def test_metadata_addresses_are_refused_in_every_form(address: str) -> None:
    assert is_refused(address)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "192.168.1.9", "93.184.216.34", "::1", "fd12::1", "2606:4700::1"]
)
def test_other_addresses_are_not(address: str) -> None:
    assert not is_refused(address)


def resolver(*addresses: str) -> Any:
    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return resolve


@pytest.mark.parametrize(
    "addresses",
    [("169.254.169.254",), ("127.0.0.1", "169.254.170.2"), ("::ffff:169.254.169.254", "10.0.0.1")],
)
def test_a_name_with_a_refused_address_is_refused(addresses: tuple[str, ...]) -> None:
    with pytest.raises(DatasetSourceError, match=r"photos.example is .*169\.254\..* its own credentials"):
        connect("photos.example", 80, timeout_s=1, resolve=resolver(*addresses))


def test_the_connection_goes_to_an_address_that_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def create_connection(place: tuple[str, int], timeout: float) -> str:
        asked.append((place, timeout))
        if place[0] == "10.0.0.1":
            raise ConnectionRefusedError(111, "refused")
        return "connected"

    monkeypatch.setattr(socket, "create_connection", create_connection)
    found: Any = connect("photos.example", 80, timeout_s=3, resolve=resolver("10.0.0.1", "10.0.0.2"))
    assert found == "connected"
    assert asked == [(("10.0.0.1", 80), 3), (("10.0.0.2", 80), 3)]
    with pytest.raises(ConnectionRefusedError):
        connect("photos.example", 80, timeout_s=3, resolve=resolver("10.0.0.1"))
    with pytest.raises(OSError, match="has no address"):
        connect("photos.example", 80, timeout_s=3, resolve=resolver())


def passes(url: str) -> bool:
    try:
        refuse_literal(url)
    except DatasetSourceError:
        return False
    return True


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://photos.example/a", True),
        ("http://10.0.0.1/", True),
        ("https://[::1]:8/", True),
        ("http:///x", True),
        ("http://photos.example/169.254.169.254", True),
        ("http://169.254.169.254/a", False),
        ("https://[fd00:ec2::254]:8/", False),
    ],
)
def test_urls_of_refused_addresses_do_not_pass_and_others_do(url: str, allowed: bool) -> None:
    assert passes(url) is allowed
