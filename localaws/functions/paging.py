"""Lists in pages, as Lambda's actions give them: `Marker` in, `NextMarker` out. Pure."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from moto.awslambda.exceptions import InvalidParameterValueException

PAGE_ITEMS = 50
"""Items of a page at most (https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html)."""

Item = TypeVar("Item")


def take_page(
    items: Sequence[Item], *, marker: str | None, max_items: str | None, most: int = PAGE_ITEMS
) -> tuple[Sequence[Item], dict[str, str]]:
    """Return a page of the items, and `{"NextMarker": ...}` where there are more."""
    start = _position(marker) if marker else 0
    size = min(int(max_items), most) if max_items and max_items.isdecimal() and int(max_items) else most
    end = start + size
    following = base64.b64encode(str(end).encode()).decode()
    return items[start:end], {"NextMarker": following} if end < len(items) else {}


def _position(marker: str) -> int:
    try:
        return int(base64.b64decode(marker, validate=True))
    except (binascii.Error, ValueError) as error:
        raise InvalidParameterValueException(f"Invalid Marker: {marker}") from error
