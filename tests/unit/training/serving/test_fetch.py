"""Only public addresses count as public, whatever they are dressed in."""

from __future__ import annotations

import pytest

from imgclf.errors import SourceError
from imgclf.serving.fetch import fetch_image, is_public


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.0.0.1",
            "172.16.9.9",
            "192.168.1.1",
            "169.254.169.254",
            "169.254.170.2",
            "100.64.0.1",
        ),
        *("0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
    ],
)
def test_private_and_special_addresses(address: str) -> None:
    assert not is_public(address)


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
