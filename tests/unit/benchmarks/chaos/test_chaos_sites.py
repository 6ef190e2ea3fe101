"""Which calls of an undisturbed run are broken, and how they are named."""

from typing import Any

from benchmarks.chaos.sites import Calls, Site, list_sites, read_calls
from localaws.faults.validation import parse_rules

PIPELINE = "arn:aws:iam::123456789012:root"


def event(service: str, action: str, principal: str = PIPELINE) -> dict[str, Any]:
    """Return what localaws says of a call at which a rule has fired."""
    return {"service": service, "action": action, "principal": principal}


def numbers(calls: Calls, *, has_ends: bool = False) -> dict[str, int]:
    """Return the number of each site's call, by the site's name."""
    return {site.name: site.number for site in list_sites("train", calls, has_ends=has_ends)}


def test_the_calls_of_jobs_are_not_the_pipeline_s() -> None:
    events = [event("s3", "GetObject"), event("s3", "GetObject", "arn:aws:sts::1:assumed-role/musher-job/x")]
    assert read_calls(events, principal=PIPELINE, ends_at=1).made == (("s3", "GetObject"),)


def test_services_have_the_names_that_rules_take() -> None:
    events = [event("monitoring", "DescribeAlarms"), event("servicequotas", "GetServiceQuota")]
    calls = read_calls(events, principal=PIPELINE, ends_at=1)
    assert calls.made == (("cloudwatch", "DescribeAlarms"), ("service-quotas", "GetServiceQuota"))
    rules = [{"kind": "throttle", "service": service, "action": action} for service, action in calls.made]
    assert len(parse_rules(rules)) == 2


def test_a_call_that_is_made_once_is_the_first() -> None:
    calls = Calls(made=(("sagemaker", "CreateTrainingJob"),), ends_at=1)
    assert numbers(calls) == {"train/sagemaker:CreateTrainingJob/first": 1}


def test_of_writes_the_last_is_broken_too() -> None:
    calls = Calls(made=(("logs", "PutRetentionPolicy"),) * 4, ends_at=4)
    name = "train/logs:PutRetentionPolicy"
    assert numbers(calls) == {f"{name}/first": 1, f"{name}/last": 4}


def test_of_polls_the_second_is_broken_as_how_many_follow_is_chance() -> None:
    calls = Calls(made=(("sagemaker", "DescribeTrainingJob"),) * 40, ends_at=40)
    name = "train/sagemaker:DescribeTrainingJob"
    assert numbers(calls) == {f"{name}/first": 1, f"{name}/second": 2}


def test_the_calls_of_report_and_teardown_are_counted_on_from_those_before() -> None:
    calls = Calls(made=(("s3", "GetObject"), *(("s3", "GetObject"), ("s3", "GetObject"))), ends_at=1)
    assert numbers(calls) == {"train/s3:GetObject/first": 1}
    ends = {"train/s3:GetObject/first-at-end": 2, "train/s3:GetObject/last-at-end": 3}
    assert numbers(calls, has_ends=True) == {"train/s3:GetObject/first": 1, **ends}


def test_no_number_is_given_to_what_comes_after_polls() -> None:
    made = (("sagemaker", "DescribeEndpoint"),) * 9
    assert all("at-end" not in name for name in numbers(Calls(made=made, ends_at=8), has_ends=True))


def test_reads_are_told_from_writes_by_the_operation_s_name() -> None:
    actions = {"HeadObject": True, "ListTags": True, "InvokeEndpoint": False, "PutObject": False}
    for action, is_read in actions.items():
        site = Site(part="train", service="s3", action=action, position="first", number=1)
        assert site.is_read is is_read, action
