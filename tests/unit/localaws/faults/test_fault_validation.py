"""What makes no rule and no rate: the member is named, with what it must be."""

import re
from typing import Any

import pytest

from localaws.errors import FaultRuleError
from localaws.faults.service import parse_document
from localaws.faults.validation import MAX_RULES, parse_rate, parse_rates, parse_rule, parse_rules

RULE = {"kind": "throttle", "service": "s3"}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"kind": None}, "kind is None; it must be one of throttle, error, timeout"),
        ({"kind": ["throttle"]}, "kind is ['throttle']; it must be one of"),
        ({"kind": True}, "kind is True"),
        ({"service": "s4"}, "service is 's4'; it must be a service's name as boto3.client takes it, or *"),
        ({"service": "s*"}, "service is 's*'"),
        ({"service": 4}, "service is 4"),
        ({"service": "../s3"}, "service is '../s3'"),
        ({"action": "PutObjekt"}, "action is 'PutObjekt'; it must be an operation of s3, or a glob"),
        ({"action": ""}, "action is ''"),
        ({"resource": "a" * 257}, "of at most 256 letters"),
        ({"principal": 1}, "principal is 1; it must be a glob for the ARN"),
        ({"nth": 0}, "nth is 0; it must be a whole number from 1"),
        ({"nth": 1.0}, "nth is 1.0"),
        ({"nth": True}, "nth is True"),
        ({"nth": 10**5000}, "nth is a number of over 30 digits"),
        ({"nth": 1, "every": 2}, "every is 2; it must be left out: the rule has nth already"),
        ({"first": "2"}, "first is '2'"),
        ({"probability": 1.1}, "probability is 1.1; it must be a number from 0 to 1"),
        ({"probability": float("nan")}, "probability is nan"),
        ({"probability": "0.5"}, "probability is '0.5'"),
        ({"seed": 1}, "seed is 1; it must be left out, unless the rule has a probability"),
        ({"probability": 0.5, "seed": -1}, "seed is -1"),
        ({"times": 0}, "times is 0"),
        ({"delay_ms": 5}, "unknown member 'delay_ms'; a rule of this kind has action, every"),
        ({"retry_after_s": -1}, "retry_after_s is -1"),
        ({"id": ""}, "id is ''; it must be 1 to 64 of A-Z"),
        ({"id": "fired/x"}, "id is 'fired/x'"),
        ({"kind": "error", "status": 404}, "status is 404; it must be one of 500, 503"),
        ({"kind": "error", "status": 500.0}, "status is 500.0"),
        ({"kind": "slow"}, "delay_ms is missing; it must be a whole number from 1 to 600000"),
        ({"kind": "timeout", "hold_s": 3601}, "hold_s is 3601; it must be a number of real seconds"),
        ({"kind": "stale_read", "for_s": 1}, "service is 's3'; it must be that of one service, and not S3"),
        ({"kind": "stale_read", "service": "*", "for_s": 1}, "service is '*'"),
        ({"kind": "stale_read", "service": "logs", "action": "Put*", "for_s": 1}, "must be a read"),
        ({"kind": "stale_read", "service": "logs"}, "for_s is missing"),
        ({"kind": "kill"}, "child is missing; it must be one of job_host, endpoint_instance"),
        ({"kind": "kill", "child": "init"}, "child is 'init'"),
        ({"kind": "kill", "child": "job_host", "count": 0}, "count is 0"),
    ],
)
def test_a_member_of_a_rule_is_refused(members: dict[str, Any], message: str) -> None:
    with pytest.raises(FaultRuleError, match=re.escape(message)):
        parse_rule(RULE | members)


@pytest.mark.parametrize("member", ["action", "resource", "nth", "probability", "times"])
def test_a_kill_at_once_is_no_rule_for_calls(member: str) -> None:
    with pytest.raises(FaultRuleError, match=f"unknown member '{member}'; a kill at once"):
        parse_rule({"kind": "kill", "child": "job_host", member: 1})


@pytest.mark.parametrize("service", [None, "missing"])
def test_a_rule_for_calls_names_a_service(service: str | None) -> None:
    rule = {"kind": "throttle"} | ({"service": None} if service is None else {})
    with pytest.raises(FaultRuleError, match=r"service is (None|missing); it must be a service's name"):
        parse_rule(rule)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({}, "rules must be a list of at most 200 rules"),
        ([RULE] * (MAX_RULES + 1), "rules must be a list of at most 200 rules"),
        ([RULE, 5], "rules[1] must be a JSON object"),
        ([RULE, RULE | {"nth": -1}], "rules[1].nth is -1"),
        ([RULE, RULE | {"often": 1}], "unknown member 'rules[1].often'"),
        ([RULE | {"id": "a"}, RULE | {"id": "a"}], "rules[1].id is 'a'; another rule has it"),
        ([{"kind": "kill", "child": "job_host"}], "rules[0].service is missing"),
    ],
)
def test_a_list_of_rules_says_which_is_wrong(rules: Any, message: str) -> None:
    with pytest.raises(FaultRuleError, match=re.escape(message)):
        parse_rules(rules)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"service": "*"}, "api_limits[0].service is '*'"),
        ({"service": "nothing"}, "api_limits[0].actions[0].service is 'nothing'"),
        ({"actions": "List*"}, "api_limits[0].actions is 'List*'; it must be a list"),
        ({"actions": []}, "api_limits[0].actions is []"),
        ({"actions": ["List*", "Explode"]}, "api_limits[0].actions[1].action is 'Explode'"),
        ({"per_s": 0}, "api_limits[0].per_s is 0; it must be a number of requests an AWS second from 0.001"),
        ({"burst": 0.5}, "api_limits[0].burst is 0.5"),
        ({"shared": "yes"}, "api_limits[0].shared is 'yes'; it must be true or false"),
        ({"each": 1}, "unknown member 'api_limits[0].each'"),
    ],
)
def test_a_member_of_a_rate_is_refused(members: dict[str, Any], message: str) -> None:
    rate = {"service": "sagemaker", "actions": ["List*"], "per_s": 2} | members
    with pytest.raises(FaultRuleError, match=re.escape(message)):
        parse_rates([rate])


@pytest.mark.parametrize("rates", ["google", {}, 5, [{}] * 201])
def test_what_are_no_rates_is_refused(rates: Any) -> None:
    with pytest.raises(FaultRuleError, match='api_limits must be "aws", null, or a list'):
        parse_rates(rates)


def test_a_bucket_holds_a_second_of_its_rate_and_one_request_at_least() -> None:
    slow = {"service": "sagemaker", "actions": ["ListModels"], "per_s": 0.5}
    assert parse_rate(slow, path="").burst == 1
    assert parse_rate(slow | {"per_s": 7}, path="").burst == 7


def test_aws_s_rates_are_those_that_it_publishes() -> None:
    def rate_of(service: str, action: str) -> tuple[float, float]:
        found = (rate for rate in parse_rates("aws") if rate.concerns(service=service, action=action))
        return next(((rate.per_s, rate.burst) for rate in found), (0, 0))

    assert rate_of("sagemaker", "ListTrainingJobs") == (2, 2)
    assert rate_of("sagemaker", "DescribeTrainingJob") == (0, 0)
    assert rate_of("monitoring", "PutMetricAlarm") == rate_of("monitoring", "DeleteAlarms") == (3, 3)
    assert rate_of("monitoring", "TagResource") == (20, 20)
    assert rate_of("logs", "DescribeLogStreams") == (25, 25)
    assert rate_of("ec2", "DescribeInstances") == (20, 100)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the body is not JSON"),
        (b"[]", "the body must be a JSON object"),
        (b'{"rule": []}', "unknown member 'rule'; the body has api_limits, rules"),
        (b'{"rules": null}', "rules must be a list"),
    ],
)
def test_what_is_no_document_of_rules_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(FaultRuleError, match=re.escape(message)):
        parse_document(content)


def test_a_document_may_be_empty() -> None:
    assert parse_document(b"{}") == ([], ())
