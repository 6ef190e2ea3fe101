"""A request's body is image files, or where one lies; everything else is refused with its reason."""

from __future__ import annotations

import base64
import json

import pytest

from imgclf.errors import RequestError
from imgclf.serving.questions import MAX_INSTANCES, MAX_JSON_VALUES, Elsewhere, media_type, read_question


def b64(*images: bytes) -> bytes:
    return json.dumps({"instances": [{"b64": base64.b64encode(image).decode()} for image in images]}).encode()


@pytest.mark.parametrize("kind", ["image/jpeg", "image/png", "image/webp", "IMAGE/WEBP;q=1"])
def test_an_image_is_its_own_question(kind: str) -> None:
    assert read_question(b"photo", kind) == [b"photo"]


def test_images_in_base64_come_in_their_order() -> None:
    assert read_question(b64(b"a", b"b", b""), "application/json") == [b"a", b"b", b""]


@pytest.mark.parametrize(("kind", "address"), [("url", "https://x/y"), ("s3_uri", "s3://bucket/key")])
def test_an_address_is_where_the_image_lies(kind: str, address: str) -> None:
    body = json.dumps({kind: address, "other": 1}).encode()
    assert read_question(body, "application/json") == Elsewhere(kind=kind, address=address)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 9_000, "not JSON"),
        (b"[" * (MAX_JSON_VALUES + 1), "more than 10000 values"),
        (b'{"instances": [' + b"1," * MAX_JSON_VALUES + b"1]}", "more than 10000 values"),
        (b"1" * 100_000, "not JSON"),
        (b"NaN", 'no text "url"'),
        (b'["url"]', 'no text "url"'),
        (b'{"url": ["https://x"]}', 'no text "url"'),
        (b'{"instances": "abc"}', 'no list "instances"'),
        (b'{"url": "https://x", "s3_uri": "s3://b/k"}', "both url and s3_uri"),
        (b'{"instances": []}', '"instances" has 0 images'),
        (b64(*[b"x"] * (MAX_INSTANCES + 1)), f"send 1 to {MAX_INSTANCES}"),
        (b'{"instances": [7]}', "instance 0 is not"),
        (b'{"instances": [{"b64": "YQ=="}, {"b64": 7}]}', "instance 1 is not"),
        (b'{"instances": [{"b64": "YQ==", "url": "https://x"}]}', "instance 0 is not"),
        (b'{"instances": [{"b64": "Y"}]}', "instance 0 is not base64"),
        (b'{"instances": [{"b64": "YQ==\\n"}]}', "instance 0 is not base64"),
        ('{"instances": [{"b64": "é"}]}'.encode(), "instance 0 is not base64"),
    ],
)
def test_other_json_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(RequestError, match=reason) as raised:
        read_question(body, "application/json")
    assert raised.value.status == 400


def test_other_types_are_refused_and_not_repeated_at_length() -> None:
    with pytest.raises(RequestError, match="is not served") as raised:
        read_question(b"x", "x" * 10_000)
    assert raised.value.status == 415
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize(
    "header",
    ["image/jpeg", "IMAGE/JPEG", "Image/Jpeg;q=1", " image/jpeg ; charset=binary", 'image/jpeg;a="x;y"'],
)
def test_a_media_type_is_compared_without_case_and_parameters(header: str) -> None:
    assert media_type(header) == "image/jpeg"
