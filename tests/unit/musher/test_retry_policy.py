"""Which of AWS's errors end a task at once, and when Airflow tries it again after the others."""

import random
from datetime import timedelta

import pytest
from airflow.sdk import RetryAction, RetryDecision, RetryPolicy
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.retries.standard import ThrottledRetryableChecker

from musher.errors import TeardownError
from musher.hooks.refusals import is_throttled
from musher.retry_policy import MAX_DELAY_S, NO_CAPACITY_S, THROTTLED_S
from musher.task_defaults import TASK_DEFAULTS
from tests.unit.musher.operators.fakes import refuse


def decide(error: BaseException, *, try_number: int = 1) -> RetryDecision:
    """Return what the policy of all tasks decides at the end of a try."""
    policy = TASK_DEFAULTS["retry_policy"]
    assert isinstance(policy, RetryPolicy)
    return policy.evaluate(error, try_number, 2, None)


@pytest.mark.parametrize(
    "code",
    [
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "ValidationError",
        "ValidationException",
        "InvalidParameterValue",
        "InvalidParameterCombination",
        "InvalidParameterValueException",
        "InvalidParameterException",
        "ResourceLimitExceeded",
        "LimitExceeded",
        "LimitExceededException",
        "ServiceQuotaExceededException",
        "VcpuLimitExceeded",
        "InstanceLimitExceeded",
        "InvalidAction",
    ],
)
def test_what_another_try_would_meet_again_fails_at_once(code: str) -> None:
    decision = decide(refuse(code, "CreateEndpoint"))
    assert decision.action is RetryAction.FAIL
    assert f"AWS refuses CreateEndpoint ({code}): {code}. " in str(decision.reason)


def test_a_quota_is_said_in_words_with_the_remedy() -> None:
    reason = str(decide(refuse("VcpuLimitExceeded", "RunInstances")).reason)
    assert "This is a quota of the account: ask for a higher one (Service Quotas)" in reason


def test_no_capacity_is_said_in_words_and_waited_for() -> None:
    decision = decide(refuse("InsufficientInstanceCapacity", "RunInstances"))
    assert decision.action is RetryAction.RETRY
    assert "AWS has no such instance free at the moment" in str(decision.reason)
    assert decision.retry_delay is not None
    assert decision.retry_delay >= timedelta(seconds=NO_CAPACITY_S / 2)


@pytest.mark.parametrize(
    "code", sorted(set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES) - {"LimitExceededException"})
)
def test_all_that_botocore_takes_for_a_throttle_is_backed_off_from(code: str) -> None:
    error = refuse(code, "DescribeEndpoint")
    assert is_throttled(error)
    assert decide(error).action is RetryAction.RETRY


def test_each_delay_may_be_twice_the_last_one_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    error = refuse("ThrottlingException", "DescribeEndpoint")
    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    delays = [decide(error, try_number=number).retry_delay for number in range(1, 8)]
    longest = [THROTTLED_S, 120, 240, 480, 960, MAX_DELAY_S, MAX_DELAY_S]
    assert delays == [timedelta(seconds=seconds) for seconds in longest]
    monkeypatch.setattr(random, "uniform", lambda low, high: low)
    assert decide(error).retry_delay == timedelta(seconds=THROTTLED_S / 2)


@pytest.mark.parametrize(
    "error",
    [
        refuse("InternalFailure", "CreateEndpoint"),
        refuse("ServiceUnavailable", "CreateEndpoint"),
        refuse("ExpiredTokenException", "CreateEndpoint"),
        ConnectionClosedError(endpoint_url="http://aws"),
        ReadTimeoutError(endpoint_url="http://aws"),
        OSError("disk"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_is_tried_again_as_the_task_says(error: BaseException) -> None:
    assert decide(error) == RetryDecision.default()


@pytest.mark.parametrize(
    ("code", "action"),
    [
        ("ValidationException", RetryAction.DEFAULT),
        ("AccessDeniedException", RetryAction.FAIL),
        ("ResourceLimitExceeded", RetryAction.FAIL),
    ],
)
def test_what_a_calls_second_try_is_told_may_be_what_its_first_has_done(
    code: str, action: RetryAction
) -> None:
    """The first try's answer was lost: the endpoint is being updated, as this try is told it already is."""
    error = refuse(code, "UpdateEndpoint")
    error.response["ResponseMetadata"] = {"RetryAttempts": 1}  # type: ignore[typeddict-item]  # no more counts
    assert decide(error).action is action


def test_a_teardown_that_could_not_remove_all_is_tried_again() -> None:
    assert decide(TeardownError("endpoint e: the connection broke")) == RetryDecision.default()
