"""The rules of one localaws: what they count, which fires, what is noted."""

import asyncio
from typing import Any

import pytest

from localaws.asgi import Message, Request
from localaws.errors import FaultRuleError
from localaws.faults.asked import Asked, read_asked
from localaws.faults.rule_book import MAX_EVENTS, Faults
from localaws.faults.validation import MAX_RULES, parse_rates, parse_rules

RULE = {"kind": "throttle", "service": "sagemaker"}


def call(action: str = "ListModels") -> Asked:
    """Return a call of SageMaker."""

    async def receive() -> Message:
        return {"type": "http.request"}

    headers = {
        "authorization": "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/sagemaker/aws4_request",
        "x-amz-target": f"SageMaker.{action}",
    }
    request = Request(method="POST", path="/", query="", headers=headers, receive=receive)
    asked = asyncio.run(read_asked(request))
    assert asked is not None
    return asked


def make_faults(*rules: dict[str, Any], rates: Any = None) -> Faults:
    """Return the faults of some rules and rates."""
    faults = Faults()
    faults.replace(parse_rules(list(rules)), rates=parse_rates(rates))
    return faults


def judge(faults: Faults, action: str = "ListModels") -> str | None:
    """Make a call; return the id of the rule that fires."""
    found = faults.judge(call(action), now="2026-01-01T00:00:00+00:00")
    return None if found is None else found[0].id


def test_every_rule_counts_a_call_and_the_first_that_fires_is_taken() -> None:
    faults = make_faults(
        RULE | {"id": "second", "nth": 2},
        RULE | {"id": "all", "times": 2},
        RULE | {"id": "last"},
        RULE | {"id": "other", "action": "Create*"},
    )
    assert [judge(faults) for _ in range(5)] == ["all", "second", "all", "last", "last"]
    counted = [(rule["id"], rule["calls"], rule["fired"]) for rule in faults.describe()]
    assert counted == [("second", 5, 1), ("all", 5, 2), ("last", 5, 2), ("other", 0, 0)]


def test_what_fired_is_noted_with_time_call_and_caller() -> None:
    faults = make_faults(RULE | {"id": "second", "nth": 2})
    judge(faults)
    judge(faults)
    assert faults.describe_events() == [
        {
            "number": 1,
            "time": "2026-01-01T00:00:00+00:00",
            "rule": "second",
            "kind": "throttle",
            "call": 2,
            "service": "sagemaker",
            "action": "ListModels",
            "principal": "arn:aws:iam::123456789012:root",
            "outcome": "",
        }
    ]


def test_the_newest_events_are_kept() -> None:
    faults = make_faults(RULE)
    for _ in range(MAX_EVENTS + 3):
        judge(faults)
    events = faults.describe_events()
    assert (len(events), events[0]["number"], events[-1]["number"]) == (MAX_EVENTS, 4, MAX_EVENTS + 3)


def test_new_rules_begin_anew() -> None:
    faults = make_faults(RULE | {"id": "a"})
    judge(faults)
    faults.replace(parse_rules([RULE | {"id": "a"}]))
    assert [rule["calls"] for rule in faults.describe()] == [0]
    assert faults.describe_events() == []


def test_nothing_is_looked_at_unless_a_rule_or_a_rate_is_for_calls() -> None:
    assert not Faults().is_active
    assert not make_faults({"kind": "spot_interruption", "job": "a"}).is_active
    assert make_faults(rates="aws").is_active
    faults = make_faults(RULE | {"id": "a"})
    assert faults.is_active
    assert faults.remove("a")
    assert not faults.is_active
    assert not faults.remove("a")


def test_a_call_above_its_rate_is_noted() -> None:
    rate = {"service": "sagemaker", "actions": ["ListModels"], "per_s": 1}
    faults = make_faults(rates=[rate])
    assert faults.exceed(call(), now="now", now_s=0.0) is None
    assert faults.exceed(call("ListEndpoints"), now="now", now_s=0.0) is None
    event = faults.exceed(call(), now="now", now_s=0.5)
    assert event is not None
    assert (event.kind, event.rule, event.action) == ("api_limit", "", "ListModels")
    assert event.outcome == "more than 1 a second"
    assert faults.describe_rates() == [rate | {"burst": 1.0, "shared": False}]


def test_an_id_is_given_once_and_rules_are_bounded() -> None:
    faults = make_faults(*[RULE] * (MAX_RULES - 1))
    (rule,) = parse_rules([RULE | {"id": "a"}])
    faults.add(rule)
    with pytest.raises(FaultRuleError, match="id is 'a'; another rule has it"):
        faults.add(rule)
    with pytest.raises(FaultRuleError, match="there are 200 rules, which is the most"):
        faults.add(parse_rules([RULE])[0])


def test_names_are_read_and_answers_kept_only_where_a_rule_asks_for_them() -> None:
    faults = make_faults(
        RULE | {"action": "ListModels", "resource": "a*"},
        {"kind": "stale_read", "service": "sagemaker", "action": "List*", "for_s": 1},
    )
    assert faults.reads_names(call())
    assert not faults.reads_names(call("ListEndpoints"))
    assert faults.is_read_again(call())
    assert not faults.is_read_again(call("DescribeModel"))
