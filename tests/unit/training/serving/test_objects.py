"""An s3_uri is read within limits, by the server's own role, and only where there is boto3."""

from __future__ import annotations

import io
import sys
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from imgclf.errors import RequestError
from imgclf.serving import objects
from imgclf.serving.objects import fetch_object

PLACE = {"Bucket": "photos", "Key": "a b/ä.jpg"}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Any:
    """S3 without a network: answers are told beforehand."""
    client = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    monkeypatch.setattr(objects, "_make_client", lambda: client)
    with Stubber(client) as stubber:
        yield stubber


def answer(body: bytes, length: int | None = None) -> dict[str, Any]:
    size = len(body) if length is None else length
    return {"Body": StreamingBody(io.BytesIO(body), size), "ContentLength": size}


def test_an_object_is_its_bytes(s3: Stubber) -> None:
    s3.add_response("get_object", answer(b"photo"), PLACE)
    assert fetch_object("s3://photos/a b/ä.jpg") == b"photo"


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied", "SlowDown"])
def test_what_s3_refuses_is_424_with_its_code(s3: Stubber, code: str) -> None:
    s3.add_client_error("get_object", code, expected_params=PLACE)
    with pytest.raises(RequestError, match=f"S3 answered {code}") as raised:
        fetch_object("s3://photos/a b/ä.jpg")
    assert raised.value.status == 424


def test_an_object_that_is_too_large_is_not_read(s3: Stubber) -> None:
    s3.add_response("get_object", answer(b"", length=32 * 2**20 + 1), PLACE)
    with pytest.raises(RequestError, match="over 32 MiB") as raised:
        fetch_object("s3://photos/a b/ä.jpg")
    assert raised.value.status == 413


def test_an_object_that_breaks_off_is_no_image(s3: Stubber) -> None:
    s3.add_response("get_object", answer(b"half", length=8), PLACE)
    with pytest.raises(RequestError, match="S3 cannot be read from here") as raised:
        fetch_object("s3://photos/a b/ä.jpg")
    assert raised.value.status == 424


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "s3://",
        "s3://photos",
        "s3://photos/",
        "s3://ab/key",
        "S3://photos/key",
        "s3://Photos/key",
        "s3://photos@evil.example/key",
        "s3://photos?x/key",
        "s3://photos#x/key",
        "s3://169.254.169.254/latest",
        "s3://arn:aws:s3:us-east-1:123456789012:accesspoint/x/key",
        "https://photos.s3.amazonaws.com/key",
        "s3://photos/" + "ä" * 513,
    ],
)
def test_what_is_no_address_of_an_object_reaches_no_client(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setattr(objects, "_make_client", lambda: pytest.fail("a client was made"))
    with pytest.raises(RequestError, match="no address of an object") as raised:
        fetch_object(uri)
    assert raised.value.status == 400


def test_without_boto3_another_way_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "boto3", raising=False)
    monkeypatch.setattr(objects.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(RequestError, match="send a presigned https URL as url") as raised:
        fetch_object("s3://photos/key")
    assert raised.value.status == 424
