"""What events ask, and the form in which each kind of caller wants its answer.

A direct event is an object with one of `url`, `s3_uri` and `image_b64`. A proxy's event (API Gateway's REST
and HTTP APIs, a Function URL) holds an HTTP request whose body is that object, or the image itself.
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

import base64
import binascii
import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from lambda_errors import BadEventError, NotAllowedError, PredictionError, TooLargeError

MAX_URL_CHARACTERS = 8192
"""A presigned S3 URL with a session token takes about 2,000."""
MAX_IMAGE_BYTES = 6_291_456
"""Of InvokeEndpoint: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html"""
JSON = "application/json"
MEMBERS = ("url", "s3_uri", "image_b64")
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp")
WANTED = 'such as {"url": "https://..."}, {"s3_uri": "s3://..."} or {"image_b64": "..."}'


class Question(NamedTuple):
    """What the endpoint is asked."""

    body: bytes
    content_type: str
    source: str
    """url, s3_uri or image, for the log."""


def is_proxied(event: Any) -> bool:
    """Return whether an event holds an HTTP request."""
    return isinstance(event, dict) and isinstance(event.get("requestContext"), dict)


def read_event(event: Any) -> Question:
    """Return what is asked; raise BadEventError, NotAllowedError or TooLargeError."""
    return read_request(event) if is_proxied(event) else read_object(event)


def read_object(event: Any) -> Question:
    """Return what a direct event asks."""
    if not isinstance(event, dict):
        raise BadEventError(f"The event must be an object {WANTED}.")
    named = [name for name in MEMBERS if event.get(name) is not None]
    if len(named) > 1:
        raise BadEventError(f"The event has {' and '.join(named)}: name one image.")
    if "image_b64" in named:
        return of_image(decode(event["image_b64"]))
    name = named[0] if named else "url"
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise BadEventError(f'The event must have "{name}", a non-empty string.')
    if len(value) > MAX_URL_CHARACTERS:
        what, length = "URL" if name == "url" else name, len(value)
        raise BadEventError(f"The {what} has {length} characters; at most {MAX_URL_CHARACTERS} are taken.")
    check_address(name, value)
    return Question(json.dumps({name: value}).encode(), JSON, name)


def check_address(name: str, value: str) -> None:
    """Raise BadEventError for what is no address; which of them are fetched, the endpoint decides."""
    try:
        parts = urlsplit(value)
        scheme, host, path = parts.scheme, parts.hostname, parts.path
    except ValueError:  # such as an unclosed bracket in the host
        scheme, host, path = "", None, ""
    if name == "url" and not (scheme in {"http", "https"} and host):
        raise BadEventError("The URL must start with http:// or https:// and name a host.")
    if name == "s3_uri" and not (scheme == "s3" and host and path.strip("/")):
        raise BadEventError("The s3_uri must be s3://<bucket>/<key>.")


def read_request(event: dict[str, Any]) -> Question:
    """Return what a proxy's HTTP request asks."""
    method = find_method(event)
    if method != "POST":
        raise NotAllowedError(f"{method or 'A request without a method'} is not served: use POST.")
    body, content_type = read_body(event), find_header(event, "content-type")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in IMAGE_TYPES:
        return of_image(body, media_type)
    if media_type not in ("", JSON, "text/plain"):
        taken = ", ".join((JSON, *IMAGE_TYPES))
        raise BadEventError(f"Content-Type {media_type[:100]!r} is not taken: send one of {taken}.")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise BadEventError(f"The body must be a JSON object {WANTED}.") from None
    if is_proxied(found):
        raise BadEventError(f"The body must be a JSON object {WANTED}.")
    return read_object(found)


def find_method(event: dict[str, Any]) -> str:
    """Return the request's method, of either version of the proxies' format."""
    http = event["requestContext"].get("http")
    method = http.get("method") if isinstance(http, dict) else event.get("httpMethod")
    return method[:20] if isinstance(method, str) else ""


def find_header(event: dict[str, Any], name: str) -> str:
    """Return a header's value, whatever the case of its name; "" where there is none."""
    headers = event.get("headers")
    for key, value in headers.items() if isinstance(headers, dict) else ():
        if isinstance(key, str) and key.lower() == name and isinstance(value, str):
            return value
    return ""


def read_body(event: dict[str, Any]) -> bytes:
    """Return the request's body."""
    body = event.get("body")
    if not isinstance(body, str) or not body:
        raise BadEventError(f"The request has no body: send an image, or a JSON object {WANTED}.")
    if event.get("isBase64Encoded") is True:
        return decode(body)
    try:
        return body.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can write
        raise BadEventError("The body is no text: send it in base64.") from None


def decode(text: Any) -> bytes:
    """Return the bytes that base64 stands for; TooLargeError before they are made."""
    if not isinstance(text, str) or not text:
        raise BadEventError("The image must be a non-empty string in base64.")
    if len(text) * 3 // 4 > MAX_IMAGE_BYTES + 2:
        raise TooLargeError(f"The image has over {MAX_IMAGE_BYTES} bytes: send its address instead.")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadEventError("The image is not base64.") from None


def of_image(image: bytes, media_type: str | None = None) -> Question:
    """Return the question about an image's bytes, by their own first ones where nobody says what they are."""
    if len(image) > MAX_IMAGE_BYTES:
        raise TooLargeError(f"The image has {len(image)} bytes, and at most {MAX_IMAGE_BYTES} are taken.")
    return Question(image, media_type or guess_type(image), "image")


def guess_type(image: bytes) -> str:
    """Return the media type of a JPEG, PNG or WebP; BadEventError for anything else."""
    if image.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if image.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp"
    raise BadEventError("The image is no JPEG, PNG or WebP.")


def direct_answer(*, status: int, body: str, shown: str) -> dict[str, Any]:
    """Build a direct event's answer; `COntent-Type-In` is spelt as its readers expect it."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": "text/plain", "Access-Control-Allow-Origin": "*"},
        "type-result": str(type(body)),
        "COntent-Type-In": shown,
        "body": body,
    }


def proxied_answer(*, status: int, body: str) -> dict[str, Any]:
    """Build what a proxy makes an HTTP answer of; it takes no other members."""
    headers = {"Content-Type": JSON, "Access-Control-Allow-Origin": "*"}
    if status == NotAllowedError.status:
        headers["Allow"] = "POST"
    if status == 429:
        headers["Retry-After"] = "1"
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": False}


def describe(error: PredictionError) -> str:
    """Return the body that tells of a failure."""
    return json.dumps({"error": {"code": error.code, "message": str(error)}})
