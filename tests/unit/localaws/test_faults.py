"""Fault rules: which job they hit, how often, and what makes no rule."""

import json

import pytest

from localaws.errors import FaultRuleError
from localaws.faults import Faults, SpotInterruption, parse_rule


def test_a_rule_hits_a_job_by_the_beginning_of_its_name_after_its_time_and_so_often() -> None:
    faults = Faults()
    faults.add(SpotInterruption(job="musher-train", after_s=60, times=2))
    assert faults.take_interruption(job="other", trained_s=100) is None
    assert faults.take_interruption(job="musher-train-1", trained_s=59.9) is None
    assert faults.take_interruption(job="musher-train-1", trained_s=60) is not None
    assert faults.take_interruption(job="musher-train-2", trained_s=61) is not None
    assert faults.take_interruption(job="musher-train-2", trained_s=300) is None
    assert faults.describe()[0]["fired"] == 2


def test_the_first_rule_that_applies_is_taken() -> None:
    faults = Faults()
    faults.add(SpotInterruption(job="job", capacity_after_s=1))
    faults.add(SpotInterruption(job="job", capacity_after_s=2))
    taken = [faults.take_interruption(job="job", trained_s=0) for _ in range(3)]
    assert [rule.capacity_after_s for rule in taken if rule is not None] == [1, 2]
    assert faults.clear() == 2
    assert faults.describe() == []


def test_a_posted_rule_has_defaults() -> None:
    rule = parse_rule(json.dumps({"kind": "spot_interruption", "job": "a"}).encode())
    assert (rule.after_s, rule.times, rule.capacity_after_s, rule.fired) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not JSON"),
        (b"[]", "must be a JSON object"),
        (b'{"kind": "spot_interruption", "job": "a", "times": true}', "times is True"),
        (b'{"kind": "spot_interruption", "job": "a", "after_s": NaN}', "after_s is nan"),
        (b'{"kind": "spot_interruption", "job": "a", "capacity_after_s": "1"}', "capacity_after_s is '1'"),
        (b'{"kind": "spot_interruption", "job": ""}', "job is ''"),
    ],
)
def test_what_makes_no_rule_is_named(body: bytes, message: str) -> None:
    with pytest.raises(FaultRuleError, match=message):
        parse_rule(body)
