"""Pages of GetMetricData: a NextToken is the number of the first datapoint behind a page. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from moto.cloudwatch.exceptions import ValidationError

from localaws.cloudwatch import wording
from localaws.paging import read_token

MAX_DATAPOINTS = 100_800
"""Datapoints in one answer of GetMetricData."""


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
