"""AWS's own examples of how datapoints become a state, and what lies between them."""

import pytest

from localaws.cloudwatch.alarms.evaluation import Datapoint, Rule, Verdict, evaluate

VALUES = {"0": 0.0, "X": 9.0, "-": None}
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def verdict_of(
    text: str,
    *,
    needed: int,
    count: int = 3,
    treat: str = "missing",
    comparison: str = "GreaterThanThreshold",
) -> Verdict:
    """Evaluate datapoints that are written as on AWS's page: 0 good, X breaching, - missing."""
    rule = Rule(
        comparison=comparison,
        threshold=5.0,
        evaluation_periods=count,
        datapoints_to_alarm=needed,
        treat_missing=treat,
    )
    points = [Datapoint(start_s=60 * i, value=VALUES[mark]) for i, mark in enumerate(text.split())]
    return evaluate(points, rule)


@pytest.mark.parametrize(
    ("points", "needed", "filled", "states"),
    [
        ("0 - X - X", 3, 0, ("OK", "OK", "OK", "OK")),
        ("- - - - 0", 3, 2, ("OK", "OK", "OK", "OK")),
        ("- - - - -", 3, 3, ("INSUFFICIENT_DATA", None, "ALARM", "OK")),
        ("0 X X - X", 3, 0, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("- - X - -", 3, 2, ("ALARM", None, "ALARM", "OK")),
        ("0 - X - X", 2, 0, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0 0 X 0 X", 2, 0, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0 - X - -", 2, 1, ("OK", "OK", "ALARM", "OK")),
        ("- - - - 0", 2, 2, ("OK", "OK", "ALARM", "OK")),
        ("- - - X -", 2, 2, ("ALARM", None, "ALARM", "OK")),
    ],
)
def test_the_tables_of_aws_s_page(
    points: str, needed: int, filled: int, states: tuple[str | None, ...]
) -> None:
    found = [verdict_of(points, needed=needed, treat=treat) for treat in TREATMENTS]
    assert [verdict.state for verdict in found] == list(states)
    assert {verdict.filled for verdict in found} == {filled}


@pytest.mark.parametrize("points", ["- - - - X", "- - - X -", "- - - X X"])
def test_a_breach_that_is_too_young_changes_nothing_yet(points: str) -> None:
    assert verdict_of(points, needed=3).state is None


@pytest.mark.parametrize("points", ["- - - X 0", "- - X - 0"])
def test_a_good_datapoint_after_a_young_breach_is_ok(points: str) -> None:
    assert verdict_of(points, needed=3).state == "OK"


@pytest.mark.parametrize(("count", "looked_at"), [(1, 3), (3, 5), (5, 7), (15, 20)])
def test_more_periods_are_looked_at_than_are_evaluated(count: int, looked_at: int) -> None:
    rule = Rule(
        comparison="GreaterThanThreshold", threshold=0, evaluation_periods=count, datapoints_to_alarm=count
    )
    assert rule.evaluation_range == looked_at


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        ("GreaterThanThreshold", [False, False, True]),
        ("GreaterThanOrEqualToThreshold", [False, True, True]),
        ("LessThanThreshold", [True, False, False]),
        ("LessThanOrEqualToThreshold", [True, True, False]),
    ],
)
def test_each_comparison(comparison: str, breaching: list[bool]) -> None:
    rule = Rule(comparison=comparison, threshold=5.0, evaluation_periods=1, datapoints_to_alarm=1)
    assert [rule.is_breaching(value) for value in (4.0, 5.0, 6.0)] == breaching


def test_only_the_newest_of_enough_datapoints_are_evaluated() -> None:
    assert verdict_of("X X X 0 0", needed=2).state == "OK"
    assert [point.start_s for point in verdict_of("X X - 0 0", needed=2).used] == [60, 180, 240]
