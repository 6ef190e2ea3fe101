"""Patterns of events and names of queues, held against texts."""

import re

import pytest
from moto.events.models import EventPattern

from localaws.patterns import has_wildcards


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("abc", "abc", True),
        ("abc", "abcd", False),
        ("a*c", "ac", True),
        ("a*c", "abbc", True),
        ("a*c", "abcd", False),
        ("a*a", "a", False),
        ("*", "", True),
        ("*b*d*", "abcde", True),
        ("*d*b*", "abcde", False),
        ("a*bc*bc", "abcbc", True),
        ("a*bc*bc", "abc", False),
        (r"a\*c", "a*c", True),
        (r"a\*c", "abc", False),
        (r"a\\*", "a\\b", True),
        (r"a\b", r"a\b", True),
        ("(a+)+$", "(a+)+$", True),
        ("a.c", "abc", False),
        ("a*c", "a\nc", True),
    ],
)
def test_a_star_stands_for_any_letters_and_nothing_else_for_others(
    pattern: str, text: str, fits: bool
) -> None:
    assert has_wildcards(text, pattern) is fits


def test_what_is_no_text_fits_nothing() -> None:
    assert not has_wildcards(5, "*")


def test_a_hundred_stars_take_no_time_worth_speaking_of() -> None:
    assert not has_wildcards("a" * 10_000 + "b", "*a" * 100)


def test_stock_moto_makes_a_regular_expression_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(re, "fullmatch", lambda pattern, text: asked.append(pattern))
    EventPattern._wildcard_match("ab", "a*")
    assert asked == ["a.*"]
