"""Pages of ListObjectVersions: what comes first, what follows the markers, and what a prefix gathers."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from localaws.s3.versions import MAX_KEYS, VersionPage, VersionQuery, find_page

KEYS = {
    "a": ["a1", "a2", "a3"],
    "photos/1": [None],
    "photos/2": ["p1"],
    "photos/more/3": ["m1"],
    "z": ["z1", "z2"],
}
"""Versions of each key, the oldest first."""


def versions_of(name: str) -> Sequence[Any]:
    """Return a key's versions."""
    return [SimpleNamespace(name=name, version_id=version) for version in KEYS[name]]


def page(**query: Any) -> VersionPage:
    """Return a page of the keys, which are in no order."""
    return find_page(reversed(KEYS), versions_of, VersionQuery(**query))


def shown(found: VersionPage) -> list[str]:
    """Return versions, and names of common prefixes."""
    return [
        entry.name if entry.version is None else f"{entry.name}@{entry.version.version_id}"
        for entry in found.entries
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"prefix": "a"}, ["a@a3", "a@a2", "a@a1"]),
        ({"prefix": "photos/"}, ["photos/1@None", "photos/2@p1", "photos/more/3@m1"]),
        ({"delimiter": "/"}, ["a@a3", "a@a2", "a@a1", "photos/", "z@z2", "z@z1"]),
        ({"delimiter": "/", "prefix": "photos/"}, ["photos/1@None", "photos/2@p1", "photos/more/"]),
        ({"key_marker": "photos/more/3"}, ["z@z2", "z@z1"]),
        ({"key_marker": "b", "prefix": "photos/2"}, ["photos/2@p1"]),
        ({"key_marker": "a", "version_id_marker": "a2", "prefix": "a"}, ["a@a1"]),
        ({"key_marker": "photos/1", "version_id_marker": "null", "prefix": "photos/1"}, []),
        ({"key_marker": "photos/", "delimiter": "/"}, ["z@z2", "z@z1"]),
        ({"key_marker": "zz"}, []),
        ({"prefix": "nothing"}, []),
        ({"max_keys": 0}, []),
    ],
)
def test_a_page_holds_what_the_query_asks_for(query: dict[str, Any], expected: list[str]) -> None:
    assert shown(page(**query)) == expected


@pytest.mark.parametrize("delimiter", [None, "/"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_joined_are_the_whole(size: int, delimiter: str | None) -> None:
    joined, markers = [], {"key_marker": None, "version_id_marker": None}
    for _ in range(20):
        found = page(max_keys=size, delimiter=delimiter, **markers)
        joined += shown(found)
        if found.last is None:
            break
        assert len(found.entries) == size
        markers = {"key_marker": found.last.name, "version_id_marker": found.next_version_id}
    assert joined == shown(page(delimiter=delimiter))


def test_no_page_has_more_than_a_thousand_entries() -> None:
    many = [f"{number:05}" for number in range(MAX_KEYS + 5)]
    found = find_page(many, lambda _: [SimpleNamespace(version_id=None)], VersionQuery(max_keys=MAX_KEYS + 5))
    assert len(found.entries) == MAX_KEYS
    assert found.last is not None
    assert (found.last.name, found.next_version_id) == ("00999", "null")


def test_a_prefix_ends_a_page_without_a_version() -> None:
    found = page(prefix="p", delimiter="/", max_keys=1)
    assert (shown(found), found.last) == (["photos/"], None)
    found = page(delimiter="/", max_keys=4)
    assert (found.last.name if found.last else "", found.next_version_id) == ("photos/", None)
