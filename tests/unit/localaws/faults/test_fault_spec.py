"""Which calls a rule concerns, and at which of them it fires."""

from typing import Any

import pytest

from localaws.faults.spec import Schedule
from localaws.faults.validation import parse_rule

EVERY = {"kind": "throttle", "service": "sagemaker"}


def fired(calls: int = 8, **members: Any) -> list[int]:
    """Return the numbers of the calls at which a schedule fires."""
    schedule, found = Schedule(**members), []
    for call in range(1, calls + 1):
        if schedule.fires(call, fired=len(found)):
            found.append(call)
    return found


@pytest.mark.parametrize(
    ("members", "calls"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"nth": 3}, [3]),
        ({"every": 3}, [3, 6]),
        ({"first": 2}, [1, 2]),
        ({"times": 2}, [1, 2]),
        ({"every": 2, "times": 3}, [2, 4, 6]),
        ({"probability": 0.0}, []),
        ({"probability": 1.0}, [1, 2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_a_rule_fires_at_the_calls_of_its_schedule(members: dict[str, Any], calls: list[int]) -> None:
    assert fired(**members) == calls


def test_chance_follows_from_the_seed_alone() -> None:
    first = fired(1000, probability=0.25, seed=1)
    assert first == fired(1000, probability=0.25, seed=1) != fired(1000, probability=0.25, seed=2)
    assert 180 < len(first) < 320


def test_chance_at_a_call_does_not_depend_on_the_calls_before_it() -> None:
    schedule = Schedule(probability=0.5, seed=7)
    assert [schedule.fires(call, fired=0) for call in range(9, 0, -1)] == [
        schedule.fires(call, fired=0) for call in range(1, 10)
    ][::-1]


@pytest.mark.parametrize(
    ("service", "action", "asked", "is_concerned"),
    [
        ("sagemaker", "*", ("sagemaker", "ListModels"), True),
        ("sagemaker", "*", ("sagemaker", "InvokeEndpoint"), False),
        ("sagemaker-runtime", "*", ("sagemaker", "InvokeEndpoint"), True),
        ("sagemaker", "List*", ("sagemaker", "DescribeModel"), False),
        ("sagemaker", "Describe*Job", ("sagemaker", "DescribeTrainingJob"), True),
        ("cloudwatch", "PutMetricData", ("monitoring", "PutMetricData"), True),
        ("cloudwatch", "*", ("logs", "PutLogEvents"), False),
        ("*", "Put*", ("s3", "PutObject"), True),
        ("*", "Put*", ("s3", "GetObject"), False),
        ("s3", "*", ("s3", "PUT /nothing that AWS has"), False),
    ],
)
def test_a_rule_concerns_operations_of_a_service_as_botocore_names_both(
    service: str, action: str, asked: tuple[str, str], is_concerned: bool
) -> None:
    selector = parse_rule({"kind": "throttle", "service": service, "action": action}).selector
    assert selector is not None
    assert selector.concerns(service=asked[0], action=asked[1]) is is_concerned


@pytest.mark.parametrize(
    ("members", "is_meant"),
    [
        ({}, True),
        ({"resource": "musher-*"}, True),
        ({"resource": "other"}, False),
        ({"principal": "*:role/Worker"}, True),
        ({"principal": "*:role/worker"}, False),
        ({"resource": "musher-*", "principal": "*:role/Other"}, False),
        ({"resource": "other", "principal": "*:role/Worker"}, False),
    ],
)
def test_a_rule_is_for_what_is_named_and_for_who_calls(members: dict[str, str], is_meant: bool) -> None:
    selector = parse_rule(EVERY | members).selector
    assert selector is not None
    names = ("a", "musher-train")
    principals = ("arn:aws:sts::1:assumed-role/Worker/s", "arn:aws:iam::1:role/Worker")
    assert selector.admits(names=names, principals=principals) is is_meant


def test_a_rule_is_listed_as_it_was_posted_with_its_defaults() -> None:
    given = {"id": "a", "kind": "kill", "child": "job_host", "service": "s3", "action": "Get*", "every": 2}
    assert parse_rule(given).as_document() == given | {"name": "*", "count": 1}
    chance = {"id": "b", "kind": "error", "service": "*", "probability": 0.5, "seed": 3, "status": 503}
    assert parse_rule(chance).as_document() == chance
