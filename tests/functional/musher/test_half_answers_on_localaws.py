"""Answers that are cut in the middle, of each service that Musher calls, blocking and not."""

import asyncio
from typing import Any

import pytest
from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from musher.errors import MusherError
from musher.hooks.answers import HALF, with_whole_answers
from musher.hooks.connection import hook_parameters, sagemaker_hook
from musher.settings import Settings

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "application-autoscaling": ("describe_scalable_targets", {"ServiceNamespace": "sagemaker"}),
    "cloudformation": ("describe_stacks", {}),
    "cloudwatch": ("describe_alarms", {}),
    "codebuild": ("list_projects", {}),
    "ec2": ("describe_instances", {}),
    "ecr": ("describe_repositories", {}),
    "iam": ("list_roles", {}),
    "lambda": ("list_functions", {}),
    "logs": ("describe_log_groups", {}),
    "s3": ("list_buckets", {}),
    "sagemaker": ("list_training_jobs", {}),
    "sns": ("list_topics", {}),
    "sts": ("get_caller_identity", {}),
}
"""A look at each service."""

PROTOCOLS = ("sagemaker", "lambda", "cloudwatch", "iam", "ec2", "s3")
"""One service for each: JSON, REST JSON, CBOR, query, EC2's query and REST XML."""

ONCE = {"mode": "standard", "total_max_attempts": 1}
TWICE = {"mode": "standard", "total_max_attempts": 2}


def make_hook(settings: Settings, service: str, retries: dict[str, Any]) -> AwsBaseHook:
    """Return a hook of the installation's."""
    hook = AwsBaseHook(**hook_parameters(settings), client_type=service, config=Config(retries=retries))
    return with_whole_answers(hook)


def ask(settings: Settings, service: str, *, retries: dict[str, Any] = TWICE) -> dict[str, Any]:
    """Look at a service with a blocking client."""
    method, arguments = CALLS[service]
    answer: dict[str, Any] = getattr(make_hook(settings, service, retries).conn, method)(**arguments)
    return answer


async def ask_async(settings: Settings, service: str, *, retries: dict[str, Any] = TWICE) -> dict[str, Any]:
    """Look at a service as triggers do."""
    method, arguments = CALLS[service]
    async with await make_hook(settings, service, retries).get_async_conn() as client:
        answer: dict[str, Any] = await getattr(client, method)(**arguments)
        return answer


def without_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what the service said."""
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


@pytest.mark.parametrize("service", sorted(CALLS))
def test_half_an_answer_is_asked_for_again(installation: Settings, fault_rules: Any, service: str) -> None:
    whole = without_metadata(ask(installation, service))
    fault_rules.put({"kind": "truncated_body", "service": service, "first": 1})
    assert without_metadata(ask(installation, service)) == whole
    assert [event["outcome"] for event in fault_rules.fired()] == ["truncated"]


@pytest.mark.parametrize("service", PROTOCOLS)
def test_half_an_answer_is_asked_for_again_by_triggers(
    installation: Settings, fault_rules: Any, service: str
) -> None:
    fault_rules.put({"kind": "truncated_body", "service": service, "first": 1})
    found = without_metadata(asyncio.run(ask_async(installation, service)))
    assert found == without_metadata(ask(installation, service))
    assert [event["outcome"] for event in fault_rules.fired()] == ["truncated"]


@pytest.mark.parametrize("service", PROTOCOLS)
def test_half_answers_without_end_are_errors_that_may_pass(
    installation: Settings, fault_rules: Any, service: str
) -> None:
    fault_rules.put({"kind": "truncated_body", "service": service})
    with pytest.raises(ClientError, match=HALF):
        ask(installation, service, retries=ONCE)
    with pytest.raises((ClientError, BotoCoreError)) as raised:
        asyncio.run(ask_async(installation, service, retries=ONCE))
    assert not isinstance(raised.value, MusherError)


def test_a_job_that_is_there_is_never_taken_for_one_that_is_not(
    installation: Settings, fault_rules: Any
) -> None:
    """With the retries that every hook has."""
    hook = sagemaker_hook(installation)
    fault_rules.put({"kind": "truncated_body", "service": "sagemaker", "first": 2})
    assert hook.find_endpoint("there-is-none") is None
    assert [event["outcome"] for event in fault_rules.fired()] == ["truncated"] * 2
