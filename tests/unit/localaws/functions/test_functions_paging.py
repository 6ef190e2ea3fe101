"""Lists in pages."""

import pytest
from moto.awslambda.exceptions import InvalidParameterValueException

from localaws.functions.paging import take_page

ITEMS = list(range(5))


def test_pages_follow_one_another_to_the_end() -> None:
    seen: list[int] = []
    marker: str | None = None
    while True:
        page, following = take_page(ITEMS, marker=marker, max_items="2")
        seen += page
        if not following:
            break
        marker = following["NextMarker"]
    assert seen == ITEMS


def test_no_page_is_longer_than_aws_makes_it() -> None:
    for asked in (None, "10000", "x", "0"):
        assert len(take_page(list(range(60)), marker=None, max_items=asked)[0]) == 50


def test_a_marker_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidParameterValueException, match="Invalid Marker"):
        take_page(ITEMS, marker="?", max_items=None)
