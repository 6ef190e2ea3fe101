"""What a request asks about: images of its own, or one that lies elsewhere."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from imgclf.errors import ContentTypeError, ImageError

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "application/x-image")
JSON_TYPE = "application/json"
MAX_JSON_VALUES = 10_000
"""Objects, lists and members of a JSON body: 6 MiB of nothing but brackets become 200 MB."""
MAX_INSTANCES = 32
"""Images of one request."""
FORMS = '{"url": "https://..."}, {"s3_uri": "s3://..."} or {"instances": [{"b64": "..."}]}'


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """An image that is to be fetched first."""

    kind: str
    """url or s3_uri."""
    address: str


def read_question(body: bytes, content_type: str) -> list[bytes] | Elsewhere:
    """Return the image files of a request, or where its one image lies.

    Takes image bytes (IMAGE_TYPES) or JSON (FORMS). Raises ContentTypeError or ImageError.
    """
    kind = media_type(content_type)
    if kind in IMAGE_TYPES:
        return [bytes(body)]
    if kind == JSON_TYPE:
        return _read_json(body)
    raise ContentTypeError(
        f"content type {kind[:100]!r} is not served: send one of {', '.join(IMAGE_TYPES)}, {JSON_TYPE}"
    )


def media_type(content_type: str) -> str:
    """Return `type/subtype` of a Content-Type header, in lower case and without its parameters.

    https://www.rfc-editor.org/rfc/rfc9110#name-media-type
    """
    return content_type.partition(";")[0].strip().lower()


def _read_json(body: bytes) -> list[bytes] | Elsewhere:
    """Read one of FORMS; raise ImageError for any other JSON."""
    if sum(body.count(mark) for mark in b"[{,") > MAX_JSON_VALUES:
        raise ImageError(f"the JSON holds more than {MAX_JSON_VALUES} values: send {FORMS}")
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise ImageError(f"the body is not JSON: send {FORMS}") from None
    named = [name for name in ("url", "s3_uri", "instances") if isinstance(value, dict) and name in value]
    if len(named) > 1:
        raise ImageError(f"the JSON has both {named[0]} and {named[1]}: send {FORMS}")
    content = value[named[0]] if named else None
    if isinstance(content, str) and named[0] != "instances":
        return Elsewhere(kind=named[0], address=content)
    if isinstance(content, list) and named[0] == "instances":
        return _read_instances(content)
    raise ImageError(f'the JSON has no text "url" or "s3_uri", and no list "instances": send {FORMS}')


def _read_instances(instances: list[Any]) -> list[bytes]:
    """Return the files of [{"b64": "..."}, ...]."""
    if not 1 <= len(instances) <= MAX_INSTANCES:
        raise ImageError(f'"instances" has {len(instances)} images: send 1 to {MAX_INSTANCES}')
    images = []
    for number, instance in enumerate(instances):
        if not isinstance(instance, dict) or set(instance) != {"b64"} or not isinstance(instance["b64"], str):
            raise ImageError(f'instance {number} is not {{"b64": "..."}}: send {FORMS}')
        try:
            images.append(base64.b64decode(instance["b64"], validate=True))
        except (binascii.Error, ValueError):
            raise ImageError(f"instance {number} is not base64 (RFC 4648, with + and /)") from None
    return images
