"""Pages of lists whose token is the number of the first item behind a page. Pure."""

import re
from collections.abc import Sequence
from typing import TypeVar

TOKEN = re.compile(r"[0-9]{1,18}")

Item = TypeVar("Item")


def read_token(token: str | None, *, refusal: Exception) -> int:
    """Return the number of the item that a page begins with; raise `refusal` for what is no token."""
    if token is not None and not TOKEN.fullmatch(token):
        raise refusal
    return int(token or 0)


def cut(items: Sequence[Item], *, start: int, limit: int) -> tuple[Sequence[Item], str | None]:
    """Return the page that begins with an item, and the token of the page behind it, None on the last."""
    end = start + limit
    return items[start:end], str(end) if end < len(items) else None


def cut_page(
    items: Sequence[Item], *, token: str | None, size: int, refusal: Exception
) -> tuple[Sequence[Item], str | None]:
    """Return the page that a token stands for, and the token of the page behind it."""
    return cut(items, start=read_token(token, refusal=refusal), limit=size)
