"""Alarms: AWS's own examples of missing data, and the alarms of target tracking."""

import random

import pytest

from localaws.cloudwatch.alarms.evaluation import Datapoint, Rule, evaluate
from musher.errors import ScalingError
from musher.scaling.alarms import (
    ALARM,
    COMPARISONS,
    INSUFFICIENT_DATA,
    OK,
    TREATMENTS,
    evaluate_alarm,
    evaluation_range,
)

KEPT = "the state before"


def points_of(text: str) -> list[float | None]:
    """Return points as AWS's pages draw them: 0 is fine, X breaches, - is missing; the newest is last."""
    return [{"0": 1.0, "X": 9.0, "-": None}[sign] for sign in text.split()]


def state_of(text: str, *, treat_missing: str, datapoints_to_alarm: int) -> str:
    """Evaluate an alarm of 3 periods on values above 5."""
    return evaluate_alarm(
        points_of(text),
        threshold=5,
        comparison="GreaterThanThreshold",
        evaluation_periods=3,
        datapoints_to_alarm=datapoints_to_alarm,
        treat_missing=treat_missing,
        previous_state=KEPT,
    )


@pytest.mark.parametrize(
    ("text", "missing", "ignore", "breaching", "not_breaching"),
    [
        ("0 - X - X", OK, OK, OK, OK),
        ("- - - - 0", OK, OK, OK, OK),
        ("- - - - -", INSUFFICIENT_DATA, KEPT, ALARM, OK),
        ("0 X X - X", ALARM, ALARM, ALARM, ALARM),
        ("- - X - -", ALARM, KEPT, ALARM, OK),
    ],
)
def test_three_of_three_is_as_in_awss_table(
    text: str, missing: str, ignore: str, breaching: str, not_breaching: str
) -> None:
    wanted = {"missing": missing, "ignore": ignore, "breaching": breaching, "notBreaching": not_breaching}
    for treat_missing, state in wanted.items():
        assert state_of(text, treat_missing=treat_missing, datapoints_to_alarm=3) == state, treat_missing


@pytest.mark.parametrize(
    ("text", "missing", "ignore", "breaching", "not_breaching"),
    [
        ("0 - X - X", ALARM, ALARM, ALARM, ALARM),
        ("0 0 X 0 X", ALARM, ALARM, ALARM, ALARM),
        ("0 - X - -", OK, OK, ALARM, OK),
        ("- - - - 0", OK, OK, ALARM, OK),
        ("- - - X -", ALARM, KEPT, ALARM, OK),
    ],
)
def test_two_of_three_is_as_in_awss_table(
    text: str, missing: str, ignore: str, breaching: str, not_breaching: str
) -> None:
    wanted = {"missing": missing, "ignore": ignore, "breaching": breaching, "notBreaching": not_breaching}
    for treat_missing, state in wanted.items():
        assert state_of(text, treat_missing=treat_missing, datapoints_to_alarm=2) == state, treat_missing


def test_a_young_breach_alone_waits_for_more() -> None:
    assert state_of("- - - - X", treat_missing="missing", datapoints_to_alarm=3) == KEPT


def test_a_low_alarm_needs_fifteen_minutes_of_quiet() -> None:
    def state(points: list[float | None]) -> str:
        return evaluate_alarm(
            points,
            threshold=27,
            comparison="LessThanThreshold",
            evaluation_periods=15,
            datapoints_to_alarm=15,
            treat_missing="missing",
            previous_state=OK,
        )

    assert state([30.0] + [26.0] * 14) == OK
    assert state([30.0] + [26.0] * 15) == ALARM
    assert state([26.0] * 14 + [27.0]) == OK
    assert state([None] * 20) == INSUFFICIENT_DATA


def test_the_range_is_awss() -> None:
    assert [evaluation_range(periods) for periods in (1, 3, 6, 15)] == [3, 5, 8, 20]


@pytest.mark.parametrize("wrong", [{"comparison": "Above"}, {"treat_missing": "none"}])
def test_an_unknown_word_is_refused(wrong: dict[str, str]) -> None:
    words = {"comparison": "GreaterThanThreshold", "treat_missing": "missing", **wrong}
    with pytest.raises(ScalingError, match="not a word"):
        evaluate_alarm(
            [1.0], threshold=1, evaluation_periods=1, datapoints_to_alarm=1, previous_state=OK, **words
        )


def test_the_embedded_aws_evaluates_alike() -> None:
    """Two evaluations, written apart from each other, over 20,000 random histories."""
    chance = random.Random(7)
    for _ in range(20_000):
        periods = chance.randint(1, 8)
        wanted = chance.randint(1, periods)
        treat_missing, comparison = chance.choice(TREATMENTS), chance.choice(list(COMPARISONS))
        missing = chance.choice((0.0, 0.3, 0.9))
        points = [
            None if chance.random() < missing else float(chance.randint(0, 4))
            for _ in range(evaluation_range(periods))
        ]
        ours = evaluate_alarm(
            points,
            threshold=2,
            comparison=comparison,
            evaluation_periods=periods,
            datapoints_to_alarm=wanted,
            treat_missing=treat_missing,
            previous_state=KEPT,
        )
        rule = Rule(
            comparison=comparison,
            threshold=2,
            evaluation_periods=periods,
            datapoints_to_alarm=wanted,
            treat_missing=treat_missing,
        )
        assert rule.evaluation_range == len(points)
        theirs = evaluate([Datapoint(start_s=at, value=value) for at, value in enumerate(points)], rule)
        assert ours == (theirs.state or KEPT), (points, rule)
