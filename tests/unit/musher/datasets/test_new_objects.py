"""What counts as new: what has come to rest, and was not announced before."""

from typing import Any

import pytest

from musher.datasets.new_objects import Look, Tally, Watch, pause_s


def item(key: str, *, size: int = 3, etag: str = "e") -> dict[str, Any]:
    return {"Key": key, "Size": size, "ETag": etag}


def look(*objects: dict[str, Any]) -> Look:
    tally = Tally()
    tally.add(objects)
    return tally.look()


NOTHING, HALF, ALL = look(), look(item("a")), look(item("a"), item("b"))


def announced(*looks: Look, known: str = "") -> list[int]:
    """Return which of the looks, from 1, are announced."""
    watch = Watch(announced=known)
    return [number for number, found in enumerate(looks, start=1) if watch.take(found)]


def test_what_lies_there_is_announced_once_it_has_been_seen_twice_and_never_again() -> None:
    assert announced(ALL, ALL, ALL, ALL) == [2]


def test_half_an_upload_is_none() -> None:
    uploads = [look(*(item(str(number)) for number in range(count))) for count in range(5)]
    assert announced(*uploads, uploads[-1]) == [6]


def test_an_upload_that_stood_still_is_announced_twice() -> None:
    assert announced(HALF, HALF, ALL, ALL) == [2, 4]


def test_an_empty_prefix_is_no_news_whether_it_was_always_so_or_was_emptied() -> None:
    assert announced(NOTHING, NOTHING, ALL, ALL, NOTHING, NOTHING) == [4]


def test_what_was_announced_before_the_triggerer_began_is_no_news() -> None:
    assert announced(ALL, ALL, known=ALL.digest) == []


def test_a_change_that_is_taken_back_is_no_news() -> None:
    assert announced(HALF, HALF, ALL, HALF, HALF) == [2]


def test_what_was_taken_away_is_news_as_well() -> None:
    assert announced(ALL, ALL, HALF, HALF) == [2, 4]


@pytest.mark.parametrize("other", [item("b"), item("a", size=4), item("a", etag="f")])
def test_another_key_size_or_content_is_another_set(other: dict[str, Any]) -> None:
    assert look(item("a")).digest != look(other).digest


def test_the_same_bytes_sent_again_are_the_same() -> None:
    assert look(item("a") | {"LastModified": 1}) == look(item("a") | {"LastModified": 2})


def test_markers_of_folders_are_no_data() -> None:
    assert look(item("dogs/", size=0), item("dogs/a")) == look(item("dogs/a"))
    assert look(item("dogs/", size=0)).objects == 0


def test_pages_make_one_look() -> None:
    tally = Tally()
    tally.add([item("a")])
    tally.add([item("b")])
    found = tally.look()
    assert (found.digest, found.objects, found.bytes, found.pages) == (ALL.digest, 2, 6, 2)


@pytest.mark.parametrize(("pages", "pause"), [(0, 600), (1, 600), (100, 600), (101, 1200), (1000, 6000)])
def test_a_long_listing_is_made_more_rarely(pages: int, pause: float) -> None:
    assert pause_s(pages, quiet_s=600) == pause
