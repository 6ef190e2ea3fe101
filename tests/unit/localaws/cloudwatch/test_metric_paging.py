"""Pages of lists, and of the datapoints of several results together."""

from typing import Any

import pytest
from moto.cloudwatch.exceptions import CloudWatchException, InvalidParameterValue

from localaws.cloudwatch.paging import MAX_DATAPOINTS, cut_data
from localaws.paging import cut_page

REFUSAL = InvalidParameterValue("no such page")


def pages_of(items: list[Any], *, size: int) -> list[list[Any]]:
    """Return every page, as a client walks through them."""
    page, token = cut_page(items, token=None, size=size, refusal=REFUSAL)
    found = [list(page)]
    while token is not None:
        page, token = cut_page(items, token=token, size=size, refusal=REFUSAL)
        found.append(list(page))
    return found


@pytest.mark.parametrize(
    ("count", "pages"),
    [(0, [[]]), (1, [[0]]), (2, [[0, 1]]), (3, [[0, 1], [2]]), (4, [[0, 1], [2, 3]])],
)
def test_no_page_is_empty_unless_there_is_nothing(count: int, pages: list[list[int]]) -> None:
    assert pages_of(list(range(count)), size=2) == pages


@pytest.mark.parametrize("token", ["", "-1", "1.5", "x", "\u0661", "9" * 5000, "1 "])
def test_what_is_no_token_is_refused_in_the_words_of_the_action(token: str) -> None:
    with pytest.raises(InvalidParameterValue, match="no such page"):
        cut_page([1, 2], token=token, size=1, refusal=REFUSAL)
    with pytest.raises(CloudWatchException) as caught:
        cut_data([], token=token, most=None)
    assert (caught.value.code, caught.value.message) == (
        "InvalidNextToken",
        "The next token specified is invalid.",
    )


def test_a_page_behind_the_end_is_empty() -> None:
    assert cut_page([1, 2], token="7", size=5, refusal=REFUSAL) == ([], None)


def result_of(name: str, count: int) -> dict[str, Any]:
    """Return a result with some datapoints."""
    return {
        "Id": name,
        "Label": name,
        "Timestamps": list(range(count)),
        "Values": [10 * n for n in range(count)],
    }


def test_datapoints_are_counted_over_all_results() -> None:
    results = [result_of("a", 3), result_of("none", 0), result_of("b", 2)]
    page, token = cut_data(results, token=None, most=2)
    assert [(found["Id"], found["Values"], found["StatusCode"]) for found in page] == [
        ("a", [0, 10], "PartialData"),
        ("none", [], "PartialData"),
        ("b", [], "PartialData"),
    ]
    page, token = cut_data(results, token=token, most=2)
    assert [(found["Values"], found["StatusCode"]) for found in page] == [
        ([20], "Complete"),
        ([], "Complete"),
        ([0], "PartialData"),
    ]
    page, token = cut_data(results, token=token, most=2)
    assert [(found["Timestamps"], found["StatusCode"]) for found in page] == [
        ([], "Complete"),
        ([], "Complete"),
        ([1], "Complete"),
    ]
    assert token is None


def test_all_that_fits_is_one_page() -> None:
    page, token = cut_data([result_of("a", 3)], token=None, most=3)
    assert (page[0]["Values"], page[0]["Label"], token) == ([0, 10, 20], "a", None)


@pytest.mark.parametrize("most", [0, -1, MAX_DATAPOINTS + 1])
def test_how_many_datapoints_a_page_may_have(most: int) -> None:
    with pytest.raises(CloudWatchException, match=f"between 1 and 100800, not {most}"):
        cut_data([], token=None, most=most)
