"""Rules about instances of EC2: which do not boot, and which AWS has none of."""

from typing import Any

import pytest

from localaws.errors import FaultRuleError
from localaws.faults.rule_book import Faults
from localaws.faults.spec import BootFailure, Effect, NoCapacity
from localaws.faults.validation import parse_rule


def take(faults: Faults, *names: str) -> Effect | None:
    return faults.take(
        lambda effect: isinstance(effect, BootFailure) and effect.applies(names),
        now="now",
        outcome="instance i-1",
    )


def test_a_rule_breaks_an_instance_by_its_id_or_name_and_once() -> None:
    faults = Faults()
    faults.add(parse_rule({"kind": "boot_failure", "instance": "musher-"}))
    assert take(faults, "i-1", "other") is None
    assert take(faults, "i-1", "musher-train") is not None
    assert take(faults, "i-1", "musher-train") is None
    assert faults.describe_events()[0]["outcome"] == "instance i-1"
    assert not faults.is_active  # no call is looked at


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, True),
        ({"instance_type": "m5.*"}, True),
        ({"instance_type": "g*"}, False),
        ({"instance_type": "m5.*", "zone": "us-east-1b"}, False),
    ],
)
def test_capacity_is_lacking_by_type_and_zone(rule: Any, expected: bool) -> None:
    effect = parse_rule({"kind": "no_capacity"} | rule).effect
    assert isinstance(effect, NoCapacity)
    assert effect.applies(instance_type="m5.large", zone="us-east-1a") is expected


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "boot_failure"},
        {"kind": "boot_failure", "instance": "i", "service": "ec2"},
        {"kind": "no_capacity", "nth": 1},
        {"kind": "no_capacity", "instance_type": 7},
    ],
)
def test_what_makes_no_rule_is_refused(rule: Any) -> None:
    with pytest.raises(FaultRuleError):
        parse_rule(rule)
