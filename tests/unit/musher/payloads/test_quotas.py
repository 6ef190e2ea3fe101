"""What a run needs of quotas, and how Service Quotas' answers are judged."""

from typing import Any

import pytest

from musher.payloads.quotas import ENDPOINT, Need, judge_quotas, list_needs

PARAMS = {
    "instance_type": "ml.m5.xlarge",
    "instance_count": 2,
    "use_spot": False,
    "tuning_strategy": "Random",
    "tuning_parallel": 3,
    "tuning_trials": 4,
    "endpoint_instance_type": "ml.m5.large",
    "endpoint_instance_count": 1,
    "batch_input": None,
    "load_test_on": "worker",
    "comparison_percent": 0,
    "endpoint_kind": "realtime",
}


@pytest.mark.parametrize(
    ("changes", "quota", "instances", "params"),
    [
        ({}, "ml.m5.xlarge for training job usage", 3, "instance_type, tuning_parallel"),
        ({"tuning_trials": 1}, "ml.m5.xlarge for training job usage", 2, "instance_type, instance_count"),
        (
            {"tuning_strategy": "in_job"},
            "ml.m5.xlarge for training job usage",
            2,
            "instance_type, instance_count",
        ),
        ({"use_spot": True}, "ml.m5.xlarge for spot training job usage", 3, "instance_type, tuning_parallel"),
    ],
)
def test_the_widest_job_counts(changes: dict[str, Any], quota: str, instances: int, params: str) -> None:
    job, endpoint = list_needs({**PARAMS, **changes})
    assert (job.quota, job.instances, job.params) == (quota, instances, params)
    assert (endpoint.quota, endpoint.instances) == ("ml.m5.large for endpoint usage", 1)


def test_a_shadow_needs_instances_beside_those_that_serve() -> None:
    _, endpoint = list_needs({**PARAMS, "comparison_percent": 30, "endpoint_instance_count": 4})
    assert endpoint.instances == 6
    assert endpoint.params == "endpoint_instance_type, endpoint_instance_count, comparison_percent"


def test_a_batch_has_a_quota_of_its_own() -> None:
    *_, batch = list_needs({**PARAMS, "batch_input": "test", "endpoint_instance_count": 2})
    assert (batch.quota, batch.instances) == ("ml.m5.large for transform job usage", 2)


def test_a_job_that_sends_a_load_has_a_quota_of_its_own() -> None:
    *_, load = list_needs({**PARAMS, "load_test_on": "ml.c5.xlarge"})
    assert (load.quota, load.instances) == ("ml.c5.xlarge for processing job usage", 1)
    assert load.params == "load_test_on"


NEED = Need(use=ENDPOINT, instance_type="ml.m5.large", instances=2, params="endpoint_instance_type")


def test_a_quota_that_suffices_is_no_finding() -> None:
    assert judge_quotas([NEED], quotas={NEED.quota: 2.0}, region="us-east-1") == []


def test_a_quota_that_is_too_small_is_named_with_its_value() -> None:
    [problem] = judge_quotas([NEED], quotas={NEED.quota: 1.0}, region="us-east-1")
    assert "the run needs 2 x ml.m5.large" in problem
    assert "is 1. Ask for more in the Service Quotas console" in problem


def test_a_type_that_aws_does_not_have_is_named_with_the_nearest() -> None:
    quotas = {"ml.m5.large for endpoint usage": 2.0, "ml.c5.large for endpoint usage": 2.0}
    wrong = Need(use=ENDPOINT, instance_type="ml.m5.lage", instances=1, params="endpoint_instance_type")
    [problem] = judge_quotas([wrong], quotas=quotas, region="us-east-1")
    assert "AWS has no quota 'ml.m5.lage for endpoint usage' in us-east-1" in problem
    assert "The nearest that there is: 'ml.m5.large for endpoint usage'" in problem
