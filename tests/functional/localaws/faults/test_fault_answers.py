"""Errors on demand, as botocore reads them in each protocol of AWS; no call is tried again."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.faults.client import FaultClient

CALLS = {
    "json": ("sagemaker", "list_training_jobs", {}),
    "a declared error": ("logs", "describe_log_groups", {}),
    "query": ("iam", "list_roles", {}),
    "ec2": ("ec2", "describe_vpcs", {}),
    "rest-json": ("lambda", "list_functions", {}),
    "a model's endpoint": ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "none", "Body": b"x"}),
    "rest-xml": ("s3", "list_buckets", {}),
    "cbor": ("cloudwatch", "describe_alarms", {}),
}
"""Protocol -> service, method of the client, arguments."""


def refused(localaws: Any, call: str) -> tuple[int, str, dict[str, str]]:
    """Make a call that is refused; return status, code and headers."""
    service, method, arguments = CALLS[call]
    with pytest.raises(ClientError) as caught:
        getattr(localaws.client(service), method)(**arguments)
    metadata = caught.value.response["ResponseMetadata"]
    return metadata["HTTPStatusCode"], caught.value.response["Error"]["Code"], metadata["HTTPHeaders"]


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        ("json", 400, "ThrottlingException"),
        ("a declared error", 400, "ThrottlingException"),
        ("query", 400, "Throttling"),
        ("ec2", 503, "RequestLimitExceeded"),
        ("rest-json", 429, "TooManyRequestsException"),
        ("a model's endpoint", 400, "ThrottlingException"),
        ("rest-xml", 503, "SlowDown"),
        ("cbor", 400, "ThrottlingException"),
    ],
)
def test_a_throttle_is_the_service_s_own(
    localaws: Any, fault_rules: Any, call: str, status: int, code: str
) -> None:
    fault_rules.put({"kind": "throttle", "service": CALLS[call][0]})
    assert refused(localaws, call)[:2] == (status, code)


def test_lambda_says_when_to_come_again(localaws: Any, fault_rules: Any) -> None:
    fault_rules.put({"kind": "throttle", "service": "lambda", "retry_after_s": 7})
    assert refused(localaws, "rest-json")[2]["retry-after"] == "7"


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        ("json", 500, "InternalFailure"),
        ("json", 503, "ServiceUnavailable"),
        ("query", 500, "ServiceFailure"),
        ("ec2", 500, "InternalError"),
        ("ec2", 503, "Unavailable"),
        ("rest-json", 500, "ServiceException"),
        ("a model's endpoint", 503, "ServiceUnavailable"),
        ("rest-xml", 500, "InternalError"),
        ("rest-xml", 503, "ServiceUnavailable"),
        ("cbor", 500, "InternalFailure"),
    ],
)
def test_a_failure_is_the_service_s_own(
    localaws: Any, fault_rules: Any, call: str, status: int, code: str
) -> None:
    fault_rules.put({"kind": "error", "service": CALLS[call][0], "status": status})
    assert refused(localaws, call)[:2] == (status, code)


def test_a_rule_fires_at_the_call_that_it_names_and_at_no_other(localaws: Any, fault_rules: Any) -> None:
    fault_rules.put(
        {"id": "third", "kind": "throttle", "service": "sagemaker", "action": "List*Jobs", "nth": 3}
    )
    sagemaker = localaws.client("sagemaker")
    sagemaker.list_training_jobs()
    sagemaker.list_models()
    sagemaker.list_processing_jobs()
    assert refused(localaws, "json")[:2] == (400, "ThrottlingException")
    sagemaker.list_training_jobs()
    (rule,) = fault_rules.rules()
    assert (rule["calls"], rule["fired"]) == (4, 1)
    (event,) = fault_rules.fired()
    assert (event["rule"], event["call"], event["action"]) == ("third", 3, "ListTrainingJobs")
    assert (event["outcome"], event["service"]) == ("answered 400", "sagemaker")


def test_the_same_rules_and_calls_make_the_same_faults(localaws: Any, fault_rules: Any) -> None:
    logs = localaws.client("logs")

    def run() -> list[bool]:
        fault_rules.put({"kind": "throttle", "service": "logs", "probability": 0.4, "seed": 11})
        return [is_throttled(logs) for _ in range(20)]

    first = run()
    assert run() == first
    assert 0 < sum(first) < 20


def is_throttled(logs: Any) -> bool:
    """Make a call; tell whether it was refused."""
    try:
        logs.describe_log_groups()
    except ClientError:
        return True
    return False


def test_a_rule_is_for_a_resource_and_for_a_caller(localaws: Any, fault_rules: Any) -> None:
    fault_rules.put(
        {"kind": "throttle", "service": "logs", "resource": "musher-*"},
        {"kind": "error", "service": "iam", "principal": "arn:aws:iam::*:role/nobody"},
    )
    logs = localaws.client("logs")
    logs.describe_log_groups(logGroupNamePrefix="other")
    with pytest.raises(ClientError, match="ThrottlingException"):
        logs.describe_log_groups(logGroupNamePrefix="musher-a")
    localaws.client("iam").list_roles()


def test_requests_above_a_rate_are_throttled_and_others_are_not(localaws: Any, fault_rules: Any) -> None:
    rate = {"service": "sagemaker", "actions": ["List*"], "per_s": 0.001, "burst": 2}
    fault_rules.put(api_limits=[rate])
    sagemaker = localaws.client("sagemaker")
    sagemaker.list_training_jobs()
    sagemaker.list_training_jobs()
    assert refused(localaws, "json")[:2] == (400, "ThrottlingException")
    sagemaker.list_models()  # an operation has a bucket of its own
    assert [(event["kind"], event["action"]) for event in fault_rules.fired()] == [
        ("api_limit", "ListTrainingJobs")
    ]


def test_rules_and_rates_hold_from_the_start(start_server: Any, tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text('{"rules": [{"id": "first", "kind": "throttle", "service": "sts", "nth": 1}]}')
    server = start_server("--faults", str(path), "--api-limits")
    with pytest.raises(ClientError, match="Throttling"):
        server.client("sts").get_caller_identity()
    server.client("sts").get_caller_identity()
    client = FaultClient(server.url)
    assert [event["rule"] for event in client.fired()] == ["first"]
    assert client.put(api_limits="aws") == []
    assert client.add(kind="slow", service="sts", delay_ms=1)["calls"] == 0
    client.clear()


def test_a_file_that_makes_no_rules_ends_the_command(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text('{"rules": [{"kind": "throttle", "service": "s3", "nth": 0}]}')
    ended = subprocess.run(
        [sys.executable, "-m", "localaws", "serve", "--port", "0", "--faults", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert f"localaws: --faults {path}: rules[0].nth is 0; it must be a whole number" in ended.stderr
