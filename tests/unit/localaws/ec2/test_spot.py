"""A Spot Instance gets its notice two minutes before its end, where a rule names it."""

from datetime import timedelta

from localaws.clock import ManualClock
from localaws.ec2.spot import Interruption
from localaws.faults.rule_book import Faults
from localaws.faults.validation import parse_rule


def test_a_notice_comes_two_minutes_before_the_end() -> None:
    faults, clock = Faults(), ManualClock()
    faults.add(parse_rule({"kind": "spot_interruption", "job": "box", "after_s": 60}))
    interruption = Interruption(faults=faults, clock=clock)
    assert not interruption.is_over(["i-1", "box-1"], ran_s=59)
    assert interruption.at is None
    assert not interruption.is_over(["i-1", "box-1"], ran_s=60)
    assert interruption.at == clock.now() + timedelta(seconds=120)
    clock.advance(119)
    assert not interruption.is_over(["i-1", "box-1"], ran_s=179)
    clock.advance(1)
    assert interruption.is_over(["i-1", "box-1"], ran_s=180)


def test_an_instance_that_no_rule_names_stays() -> None:
    faults = Faults()
    faults.add(parse_rule({"kind": "spot_interruption", "job": "other"}))
    interruption = Interruption(faults=faults, clock=ManualClock())
    assert not interruption.is_over(["i-1"], ran_s=1000)
    assert interruption.at is None
    assert faults.describe()[0]["fired"] == 0
