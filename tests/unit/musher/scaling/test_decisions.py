"""Desired capacities: proportion, rounding, steps and bounds, as AWS's pages give them."""

import pytest

from musher.errors import ScalingError
from musher.scaling.decisions import (
    CHANGE,
    EXACT,
    PERCENT,
    Step,
    adjust,
    decide_step,
    decide_target_tracking,
    round_change,
)


@pytest.mark.parametrize(
    ("capacity", "metric", "scale_in", "desired"),
    [
        (1, 400, False, 4),
        (2, 101, False, 3),
        (3, 100, False, 3),
        (9, 1000, False, 10),
        (4, 20, False, 4),
        (4, 20, True, 1),
        (4, 51, True, 3),
        (4, 0, True, 1),
    ],
)
def test_target_tracking_goes_in_one_step_to_what_is_needed(
    capacity: int, metric: float, scale_in: bool, desired: int
) -> None:
    assert (
        decide_target_tracking(
            capacity=capacity,
            metric_value=metric,
            target=100,
            min_capacity=1,
            max_capacity=10,
            scale_in=scale_in,
        )
        == desired
    )


def test_floats_add_no_instance() -> None:
    arguments = {"min_capacity": 1, "max_capacity": 99, "scale_in": True}
    assert decide_target_tracking(capacity=3, metric_value=0.1 + 0.2, target=0.3, **arguments) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "rounded"),
    [(12.7, 12), (0.67, 1), (-0.58, -1), (-6.67, -6), (0, 0), (1.0, 1), (-1.0, -1)],
)
def test_changes_are_rounded_as_on_awss_page(change: float, rounded: int) -> None:
    assert round_change(change) == rounded


@pytest.mark.parametrize(
    ("adjustment", "kind", "least", "after"),
    [
        (3, CHANGE, 0, 13),
        (-3, CHANGE, 0, 7),
        (5, EXACT, 0, 5),
        (30, PERCENT, 0, 13),
        (-25, PERCENT, 0, 8),
        (10, PERCENT, 2, 12),
        (-10, PERCENT, 2, 8),
        (0, PERCENT, 2, 10),
    ],
)
def test_each_kind_of_adjustment(adjustment: int, kind: str, least: int, after: int) -> None:
    assert adjust(10, adjustment, kind, least) == after


def test_an_unknown_adjustment_is_refused() -> None:
    with pytest.raises(ScalingError, match="adjustment type"):
        adjust(1, 1, "Times")


OUT = (Step(lower=0, upper=10, adjustment=1), Step(lower=10, adjustment=4))
IN = (Step(lower=-10, upper=0, adjustment=-1), Step(upper=-10, adjustment=-2))


@pytest.mark.parametrize(("metric", "desired"), [(99.9, None), (100, 6), (109.9, 6), (110, 9), (1000, 9)])
def test_above_a_threshold_the_lower_bound_belongs_to_the_step(metric: float, desired: int | None) -> None:
    assert step(OUT, metric, is_above=True) == desired


@pytest.mark.parametrize(("metric", "desired"), [(100.1, None), (100, 4), (90.1, 4), (90, 3), (0, 3)])
def test_below_a_threshold_the_upper_bound_belongs_to_the_step(metric: float, desired: int | None) -> None:
    assert step(IN, metric, is_above=False) == desired


def step(steps: tuple[Step, ...], metric: float, *, is_above: bool) -> int | None:
    """Decide from 5 instances, threshold 100, bounds 1 to 9."""
    return decide_step(
        steps,
        adjustment_type=CHANGE,
        min_magnitude=0,
        capacity=5,
        metric_value=metric,
        threshold=100,
        is_above=is_above,
        min_capacity=1,
        max_capacity=9,
    )
