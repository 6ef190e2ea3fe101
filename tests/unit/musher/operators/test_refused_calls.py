"""What becomes of every operator and every wait when AWS refuses, throttles or fails whatever they call."""

import asyncio
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from airflow.sdk import BaseHook, BaseOperator, Connection, RetryAction
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import WaiterError

from musher import operators, triggers
from musher.operators import invocations
from musher.retry_policy import AwsRetryPolicy
from musher.settings import Settings
from musher.triggers.waits import MAX_DELAY_S, MAX_FAILED_LOOKS, REFUSED, TIMEOUT, WaitTrigger
from tests.unit.musher.operators.fakes import FakeClock, FakeHook, FakeTask, refuse

FAILS, BACKS_OFF, RETRIES = "fails", "backs off", "retries"
FATES = {
    "AccessDeniedException": FAILS,
    "UnauthorizedOperation": FAILS,
    "InvalidParameterValue": FAILS,
    "ResourceLimitExceeded": FAILS,
    "LimitExceededException": FAILS,
    "ServiceQuotaExceededException": FAILS,
    "VcpuLimitExceeded": FAILS,
    "InsufficientInstanceCapacity": BACKS_OFF,
    "ThrottlingException": BACKS_OFF,
    "TooManyRequestsException": BACKS_OFF,
    "RequestLimitExceeded": BACKS_OFF,
    "InternalFailure": RETRIES,
    "ServiceUnavailable": RETRIES,
}
ENDPOINT = {"EndpointName": "e", "EndpointConfigName": "c"}
CONFIG: dict[str, Any] = {
    "TrainingJobName": "job",
    "HyperParameterTuningJobName": "job",
    "ProcessingJobName": "job",
    "Transform": {"TransformJobName": "job"},
    "Endpoint": ENDPOINT,
    "Update": ENDPOINT,
    "Shadow": {"percent": 10, "role": "shadow"},
    "Function": {"FunctionName": "f"},
    "package_arn": "arn:package",
    "manifest_uri": "s3://b/manifest.json",
    "key": "a.jpg",
    "Notebook": {"NotebookInstanceName": "musher-lab"},
    "ClientToken": "job",
}
"""A request for each of the operators, as far as they read it before their first call."""


class Refusing:
    """A client all of whose calls end in one error."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __getattr__(self, method: str) -> Any:
        def call(*_: Any, **__: Any) -> None:
            raise refuse(self.code, method)

        return call


def classes_of(package: Any, base: type[Any]) -> Iterator[type[Any]]:
    """Give each class of a package that can be used as it is."""
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(found.name)
        for _, member in inspect.getmembers(module, inspect.isclass):
            is_own = member.__module__ == module.__name__ and issubclass(member, base)
            if is_own and not inspect.isabstract(member):
                yield member


def is_usable(operator: type[Any]) -> bool:
    """Return whether an operator does something by itself, or is a base of others."""
    return "execute" in {name for found in operator.__mro__ for name in vars(found)} and (
        operator.__name__ not in ("MusherOperator", "NotebookOperator")
    )


OPERATORS = [found for found in classes_of(operators, BaseOperator) if is_usable(found)]
WAITS = [found for found in classes_of(triggers, WaitTrigger) if hasattr(found, "waiter")]


def make(operator: type[Any]) -> Any:
    """Return an operator with each of its own arguments."""
    given = {"config": CONFIG, "image": CONFIG, "max_latency_ms": 100, "alias": "live", "name": "musher-lab"}
    names = inspect.signature(operator.__init__).parameters
    return operator(task_id="t", **{name: value for name, value in given.items() if name in names})


def test_all_operators_and_waits_are_walked() -> None:
    assert {"RunTrainingJobOperator", "AskFunctionOperator", "WatchShadowOperator"} <= {
        found.__name__ for found in OPERATORS
    }
    assert {"TrainingJobTrigger", "AlarmTrigger"} <= {found.__name__ for found in WAITS}


@pytest.mark.parametrize(("code", "fate"), FATES.items())
@pytest.mark.parametrize("operator", OPERATORS, ids=lambda found: str(found.__name__))
def test_every_operator_goes_by_the_code(
    operator: type[Any],
    code: str,
    fate: str,
    settings: Settings,
    airflow_task: FakeTask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection = Connection(conn_id="aws_default", conn_type="aws")
    monkeypatch.setattr(BaseHook, "get_connection", lambda *_: connection)
    monkeypatch.setattr(AwsGenericHook, "get_client_type", lambda *_, **__: Refusing(code))
    monkeypatch.setattr(invocations.Settings, "from_env", lambda: settings)
    made = make(operator)
    made.__dict__["settings"] = settings
    with pytest.raises(Exception, match=code) as failed:
        made.execute(airflow_task.context())
    decision = AwsRetryPolicy().evaluate(failed.value, 1, 2)
    assert isinstance(failed.value, AirflowFailException) is (fate == FAILS), failed.value
    expected = {FAILS: RetryAction.DEFAULT, BACKS_OFF: RetryAction.RETRY, RETRIES: RetryAction.DEFAULT}
    assert decision.action is expected[fate]


@pytest.mark.parametrize(("code", "fate"), FATES.items())
@pytest.mark.parametrize("wait", WAITS, ids=lambda found: str(found.__name__))
def test_every_wait_goes_by_the_code(
    wait: type[Any], code: str, fate: str, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What AWS refuses for good ends it at once, all else is looked at again: ever later, and not forever."""
    service = wait.aws_hook_class.__name__.removeprefix("Musher").removesuffix("Hook").lower()
    hook = FakeHook(Refusing(code), service)
    monkeypatch.setattr(WaitTrigger, "hook", hook)
    trigger = wait(
        arguments={getattr(wait, "name_key", "Name"): "n"},
        connection={"aws_conn_id": "aws_default", "region_name": "us-east-1"},
        delay_s=1.0,
        deadline=fake_clock.now() + 3600,
        carried={"record": {"job_name": "job"}, "log_group": "/aws/ec2", "boot_deadline": 2e9},
    )

    async def first() -> Any:
        return await anext(aiter(trigger.run()))

    if fate == FAILS:
        assert asyncio.run(first()).payload["outcome"] == REFUSED
        assert fake_clock.slept == []
        return
    if code in {found["expected"] for found in hook.get_waiter(wait.waiter).acceptors}:
        # The waiter's data name the throttle: only the deadline ends the wait.
        assert asyncio.run(first()).payload["outcome"] == TIMEOUT
    else:
        with pytest.raises(WaiterError, match=code):
            asyncio.run(first())
        assert len(fake_clock.slept) == MAX_FAILED_LOOKS
    assert fake_clock.slept[:3] == [2.0, 4.0, 8.0]
    assert max(fake_clock.slept) == MAX_DELAY_S
