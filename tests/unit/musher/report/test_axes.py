"""Axes have few and round labels."""

import pytest

from musher.report.axes import (
    as_clock,
    as_length,
    find_time_step,
    ticks_of_clock,
    ticks_of_length,
    ticks_of_logarithm,
    ticks_to,
)


@pytest.mark.parametrize(
    ("top", "found"),
    [
        (1, [0, 0.5, 1]),
        (5, [0, 2, 4, 6]),
        (49, [0, 20, 40, 60]),
        (0.03, [0, 0.01, 0.02, 0.03]),
        (4000, [0, 1000, 2000, 3000, 4000]),
    ],
)
def test_values_are_round_and_the_last_holds_the_highest(top: float, found: list[float]) -> None:
    assert ticks_to(top, most=4) == pytest.approx(found)


@pytest.mark.parametrize("top", [0.001, 0.7, 1.0, 3.3, 9.99, 123456.7, 1e9])
def test_there_are_never_more_than_asked_for(top: float) -> None:
    ticks = ticks_to(top, most=4)
    assert ticks[-1] >= top
    assert len(ticks) <= 5


def test_what_is_counted_has_whole_numbers() -> None:
    assert ticks_to(1, most=4, is_whole=True) == [0, 1]
    assert ticks_to(3, most=4, is_whole=True) == [0, 1, 2, 3]


@pytest.mark.parametrize("length_s", [0.5, 7, 59, 61, 240, 3599, 3600, 90_000, 2_000_000])
def test_a_length_of_time_has_few_labels(length_s: float) -> None:
    ticks = ticks_of_length(length_s, most=8)
    assert 2 <= len(ticks) <= 9
    assert len({text for _, text in ticks}) == len(ticks)
    assert ticks[-1][0] <= length_s
    assert find_time_step(length_s, most=8) * 8 >= length_s


def test_moments_are_those_of_the_clock() -> None:
    noon = 1_767_268_800.0
    assert ticks_of_clock(noon + 3, noon + 65, most=8) == [
        (noon + second, as_clock(noon + second)) for second in (10, 20, 30, 40, 50, 60)
    ]
    assert [text for _, text in ticks_of_clock(noon - 1, noon + 420, most=8)][:2] == ["12:00", "12:01"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.25, "0.25 s"), (119, "119 s"), (150, "2:30 min"), (240, "4 min"), (3900, "1:05 h")],
)
def test_lengths_are_written_as_people_read_them(seconds: float, text: str) -> None:
    assert as_length(seconds) == text


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (4.6, 140.0, [5, 10, 20, 50, 100]),
        (0.02, 60_000, [0.1, 1, 10, 100, 1000, 10_000]),
        (1e-3, 3.6e6, [0.01, 1, 100, 10_000, 1_000_000]),
        (21.0, 23.1, [21.0, 23.1]),
    ],
)
def test_a_logarithmic_scale_has_round_numbers_or_its_ends(
    low: float, high: float, found: list[float]
) -> None:
    assert ticks_of_logarithm(low, high, most=7) == pytest.approx(found)
