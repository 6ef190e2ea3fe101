"""Pages of answers: a NextToken is the number of the first item behind a page. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from moto.cloudwatch.exceptions import CloudWatchException, ValidationError

from localaws.cloudwatch import wording

MAX_DATAPOINTS = 100_800
"""Datapoints in one answer of GetMetricData."""
TOKEN = re.compile(r"[0-9]{1,18}")

Item = TypeVar("Item")


def read_token(token: str | None, *, refusal: CloudWatchException) -> int:
    """Return the number of the item that a page begins with; raise `refusal` for what is no token."""
    if token is not None and not TOKEN.fullmatch(token):
        raise refusal
    return int(token or 0)


def cut_page(
    items: Sequence[Item], *, token: str | None, size: int, refusal: CloudWatchException
) -> tuple[Sequence[Item], str | None]:
    """Return the page that a NextToken stands for, and the token of the page behind it."""
    start = read_token(token, refusal=refusal)
    end = start + size
    return items[start:end], str(end) if end < len(items) else None


def cut_data(
    results: Sequence[Mapping[str, Any]], *, token: str | None, most: int | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Return results of GetMetricData with the datapoints of one page, and the token of the page behind it.

    Every result is on every page; one of which more datapoints follow is PartialData.
    """
    if most is not None and not 1 <= most <= MAX_DATAPOINTS:
        raise ValidationError(f"MaxDatapoints must be between 1 and {MAX_DATAPOINTS}, not {most}.")
    start = read_token(token, refusal=wording.invalid_token())
    end, first = start + (most or MAX_DATAPOINTS), 0
    page = []
    for result in results:
        count = len(result["Values"])
        here = slice(max(start - first, 0), max(end - first, 0))
        cut = {name: result[name][here] for name in ("Timestamps", "Values")}
        page.append({**result, **cut, "StatusCode": "PartialData" if first + count > end else "Complete"})
        first += count
    return page, str(end) if end < first else None
