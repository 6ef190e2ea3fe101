"""What events ask, of each kind of caller, and what these are answered."""

import base64
import json
from typing import Any

import lambda_events
import pytest
from lambda_errors import BadEventError, NotAllowedError, TooLargeError
from lambda_events import MAX_IMAGE_BYTES, Question, read_event

from tests.function_connections import Answer, Network

URL = "https://example.com/dog.jpg"
JPEG, PNG = b"\xff\xd8\xff\xe0rest", b"\x89PNG\r\n\x1a\nrest"
WEBP = b"RIFF\x08\x00\x00\x00WEBPrest"


def rest(body: str | None, *, method: str = "POST", encoded: bool = False, **headers: str) -> dict[str, Any]:
    """Return an event of API Gateway's REST API."""
    return {
        "resource": "/classify",
        "path": "/classify",
        "httpMethod": method,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()} or None,
        "requestContext": {"httpMethod": method, "accountId": "123456789012"},
        "body": body,
        "isBase64Encoded": encoded,
    }


def http(body: str | None, *, method: str = "POST", encoded: bool = False, **headers: str) -> dict[str, Any]:
    """Return an event of an HTTP API or a Function URL."""
    return {
        "version": "2.0",
        "rawPath": "/",
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {"http": {"method": method, "path": "/"}},
        **({} if body is None else {"body": body}),
        "isBase64Encoded": encoded,
    }


def test_a_direct_event_names_one_image() -> None:
    assert read_event({"url": URL}) == Question(
        b'{"url": "https://example.com/dog.jpg"}', "application/json", "url"
    )
    found = read_event({"s3_uri": "s3://bucket/a/dog.jpg"})
    assert (json.loads(found.body), found.source) == ({"s3_uri": "s3://bucket/a/dog.jpg"}, "s3_uri")
    assert read_event({"url": URL, "s3_uri": None, "other": 1}).source == "url"


@pytest.mark.parametrize(
    ("image", "media_type"), [(JPEG, "image/jpeg"), (PNG, "image/png"), (WEBP, "image/webp")]
)
def test_a_direct_event_may_hold_the_image(image: bytes, media_type: str) -> None:
    event = {"image_b64": base64.b64encode(image).decode()}
    assert read_event(event) == Question(image, media_type, "image")


@pytest.mark.parametrize("event", [None, "text", 7, [], {}, {"url": None}, {"url": 3}, {"url": ""}])
def test_an_event_without_an_image_is_refused(event: Any) -> None:
    with pytest.raises(BadEventError):
        read_event(event)


@pytest.mark.parametrize(
    "url", ["ftp://example.com/a.jpg", "file:///etc/passwd", "example.com/a.jpg", "http://", "http://[::1"]
)
def test_a_url_that_is_not_http_is_refused(url: str) -> None:
    with pytest.raises(BadEventError, match=r"^The URL must start with http"):
        read_event({"url": url})


@pytest.mark.parametrize(
    "uri", ["s3://bucket", "s3://bucket/", "https://bucket/key", "bucket/key", "s3:///key"]
)
def test_an_s3_uri_that_is_none_is_refused(uri: str) -> None:
    with pytest.raises(BadEventError, match=r"^The s3_uri must be s3://<bucket>/<key>\.$"):
        read_event({"s3_uri": uri})


def test_an_address_that_is_too_long_is_refused_with_the_limit() -> None:
    with pytest.raises(BadEventError, match=r"^The URL has 8212 characters; at most 8192 are taken.$"):
        read_event({"url": "https://example.com/" + "a" * 8192})
    assert read_event({"url": "https://example.com/" + "a" * (8192 - 20)}).source == "url"


def test_two_images_are_one_too_many() -> None:
    with pytest.raises(BadEventError, match=r"^The event has url and image_b64: name one image.$"):
        read_event({"url": URL, "image_b64": "AAAA"})


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("/9j/4A=", "not base64"),
        ("not base64!", "not base64"),
        (7, "non-empty string"),
        ("", "non-empty string"),
        (base64.b64encode(b"GIF89a").decode(), "no JPEG, PNG or WebP"),
        ("é" * 8, "not base64"),
    ],
)
def test_what_is_no_image_in_base64_is_refused(value: Any, says: str) -> None:
    with pytest.raises(BadEventError, match=says):
        read_event({"image_b64": value})


def test_an_image_over_the_limit_is_refused_before_it_is_sent() -> None:
    with pytest.raises(TooLargeError, match=str(MAX_IMAGE_BYTES)):
        read_event({"image_b64": base64.b64encode(JPEG + bytes(MAX_IMAGE_BYTES)).decode()})
    largest = JPEG + bytes(MAX_IMAGE_BYTES - len(JPEG))
    assert read_event({"image_b64": base64.b64encode(largest).decode()}).body == largest


@pytest.mark.parametrize("wrap", [rest, http])
def test_a_proxy_passes_on_json_or_an_image(wrap: Any) -> None:
    assert read_event(wrap(json.dumps({"url": URL}), Content_Type="application/json")).source == "url"
    assert read_event(wrap(json.dumps({"url": URL}))).source == "url"
    encoded = base64.b64encode(json.dumps({"s3_uri": "s3://b/k"}).encode()).decode()
    json_type = "Application/JSON; charset=utf-8"
    assert read_event(wrap(encoded, encoded=True, CONTENT_TYPE=json_type)).source == "s3_uri"
    image = base64.b64encode(JPEG).decode()
    found = read_event(wrap(image, encoded=True, content_type="image/jpeg"))
    assert found == Question(JPEG, "image/jpeg", "image")


@pytest.mark.parametrize("wrap", [rest, http])
@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (None, {}, "no body"),
        ("", {}, "no body"),
        ("[1", {}, "must be a JSON object"),
        ("[]", {}, "must be an object"),
        ("[" * 50_000, {}, "must be a JSON object"),
        ("x", {"content_type": "video/mp4"}, "'video/mp4' is not taken"),
        ("\ud800", {}, "is no text"),
        ("\ud800", {"content_type": "image/png"}, "is no text"),
    ],
    ids=["none", "empty", "cut", "list", "deep", "video", "half a pair", "half a pair as image"],
)
def test_a_request_that_asks_nothing_is_refused(wrap: Any, body: Any, headers: Any, says: str) -> None:
    with pytest.raises(BadEventError, match=says):
        read_event(wrap(body, **headers))


def test_a_request_in_a_request_is_refused() -> None:
    with pytest.raises(BadEventError, match="must be a JSON object"):
        read_event(http(json.dumps(http("{}"))))


@pytest.mark.parametrize("wrap", [rest, http])
@pytest.mark.parametrize("method", ["GET", "DELETE", "post"])
def test_another_method_is_refused(wrap: Any, method: str) -> None:
    with pytest.raises(NotAllowedError, match=f"^{method} is not served: use POST.$"):
        read_event(wrap("{}", method=method))


@pytest.mark.parametrize("context", [{}, {"http": "x"}, {"http": {}}, {"http": {"method": 7}}])
def test_a_request_without_a_method_is_refused(context: Any) -> None:
    with pytest.raises(NotAllowedError, match=r"^A request without a method is not served: use POST.$"):
        read_event({"requestContext": context})


@pytest.mark.parametrize("wrap", [rest, http])
def test_a_proxy_gets_what_it_takes_and_no_more(wrap: Any) -> None:
    """API Gateway answers 502 for a member that it does not know."""
    function = Network([Answer(200, b"[[0.5]]")]).function()
    context = type("Context", (), {"get_remaining_time_in_millis": lambda _: 5000, "aws_request_id": "1"})()
    good = function.handle(wrap(json.dumps({"url": URL})), context)
    assert good == {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"},
        "body": "[[0.5]]",
        "isBase64Encoded": False,
    }
    bad = function.handle(wrap("{}", method="GET"), context)
    assert (bad["statusCode"], bad["headers"]["Allow"]) == (405, "POST")
    assert json.loads(bad["body"])["error"]["code"] == "MethodNotAllowed"


def test_who_is_throttled_is_told_when_to_come_back() -> None:
    assert lambda_events.proxied_answer(status=429, body="{}")["headers"]["Retry-After"] == "1"
