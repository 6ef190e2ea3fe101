"""The simulator's rules and the embedded AWS's, written apart, give the same capacities.

Neither may import the other; this test knows both. What differs in form stands in the adapters.
"""

import itertools
import random

from localaws.autoscaling import cooldown, stepping, tracking
from musher.scaling.cooldowns import NO_COOLDOWN, start_cooldown
from musher.scaling.decisions import CHANGE, EXACT, PERCENT, Step, decide_step, decide_target_tracking

ROUNDS = 20_000


def test_target_tracking_asks_for_the_same_capacity() -> None:
    chance = random.Random(11)
    for _ in range(ROUNDS):
        low = chance.randint(1, 5)
        arguments = {
            "capacity": chance.randint(1, 1000),
            "metric_value": chance.choice((0.0, chance.uniform(0, 5), float(chance.randint(0, 5000)))),
            "target": chance.choice((0.1, 0.7, 3.0, 70.0, chance.uniform(0.01, 1000))),
            "min_capacity": low,
            "max_capacity": low + chance.randint(0, 1000),
            "scale_in": chance.random() < 0.5,
        }
        ours = decide_target_tracking(**arguments)  # type: ignore[arg-type]
        assert ours == tracking.decide_target_tracking(**arguments), arguments


def their_step(steps: list[Step], arguments: dict[str, float], kind: str, least: int) -> int | None:
    """Ask the embedded AWS, which takes a policy as its API does."""
    config = {
        "AdjustmentType": kind,
        "MinAdjustmentMagnitude": least or None,
        "StepAdjustments": [
            {
                "MetricIntervalLowerBound": step.lower,
                "MetricIntervalUpperBound": step.upper,
                "ScalingAdjustment": step.adjustment,
            }
            for step in steps
        ],
    }
    wanted: int | None = stepping.decide_step(config, **arguments)
    return wanted


def test_step_scaling_asks_for_the_same_capacity() -> None:
    chance = random.Random(12)
    for _ in range(ROUNDS):
        bounds = sorted(chance.sample(range(-50, 50), 3))
        kind = chance.choice((CHANGE, EXACT, PERCENT))
        steps = [
            Step(lower=lower, upper=upper, adjustment=chance.randint(-120, 120))
            for lower, upper in itertools.pairwise(bounds)
        ]
        least = chance.choice((0, 1, 3))
        arguments = {
            "capacity": chance.randint(1, 200),
            "metric_value": float(chance.randint(0, 100)),
            "threshold": 50.0,
            "is_above": chance.random() < 0.5,
            "min_capacity": 1,
            "max_capacity": 300,
        }
        ours = decide_step(steps, adjustment_type=kind, min_magnitude=least, **arguments)  # type: ignore[arg-type]
        assert ours == their_step(steps, arguments, kind, least), (steps, kind, least, arguments)


def test_cooldowns_hold_the_same_back() -> None:
    """Histories of activities, asked at random moments."""
    chance = random.Random(13)
    for _ in range(ROUNDS // 20):
        ours, theirs, now_s, capacity = NO_COOLDOWN, cooldown.Cooldown(), 0.0, 5
        for _ in range(20):
            now_s += chance.uniform(0, 200)
            assert ours.allows_scale_in(now_s=now_s) == theirs.allows_in(now_s=now_s)
            assert ours.counts_from(capacity, now_s=now_s) == theirs.base_for_out(capacity, now_s=now_s)
            if chance.random() < 0.5:
                continue
            after, length_s = chance.randint(1, 10), chance.choice((0.0, 60.0, 300.0))
            ours = start_cooldown(before=capacity, after=after, now_s=now_s, length_s=length_s)
            theirs.begin(before=capacity, after=after, now_s=now_s, cooldown_s=length_s)
            capacity = after
