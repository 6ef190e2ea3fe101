"""The steps of a deployment, which AWS tells only while it goes on, reach the report, however it ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.operators import endpoints
from musher.operators.endpoints import DeployEndpointOperator, leave_steps
from musher.results import STEPS_KEY
from musher.settings import Settings
from musher.triggers.waits import WaitTrigger
from tests.unit.musher.operators.fakes import FakeClock, FakeHook, FakeTask
from tests.unit.musher.operators.test_deploy_endpoint import (
    CONFIG,
    NAME,
    OLDER,
    REQUEST,
    FakeAlarms,
    FakeSageMaker,
)

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class ToldSageMaker(FakeSageMaker):
    """An endpoint whose update shows its steps: each look sees the next one."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = ["Creating", "Baking", "Baking", "Deleting"]
        self.shown: list[str] = []

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        answer = super().describe_endpoint(EndpointName=EndpointName)
        number = len(self.shown)
        if answer["EndpointStatus"] == "Updating" and number < len(self.steps):
            self.shown.append(self.steps[number])
            self.endpoints[EndpointName]["states"].insert(0, "Updating")
            begun = NOON + timedelta(minutes=number)
            status = {"Status": self.steps[number], "StatusMessage": "", "StartTime": begun}
            variants = [{"VariantStatus": [status]}]
            answer["PendingDeploymentSummary"] = {
                "EndpointConfigName": CONFIG,
                "ProductionVariants": variants,
            }
        return answer | {"LastModifiedTime": NOON + timedelta(hours=1)}


@pytest.fixture
def aws(fake_clock: FakeClock) -> ToldSageMaker:
    """An endpoint that serves an older configuration."""
    made = ToldSageMaker()
    made.create_endpoint_config(EndpointConfigName=OLDER)
    made.create_endpoint(EndpointName=NAME, EndpointConfigName=OLDER)
    made.endpoints[NAME]["states"] = ["InService"]
    return made


@pytest.fixture
def operator(
    aws: ToldSageMaker, logs: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> DeployEndpointOperator:
    hook = FakeHook(aws, "sagemaker")
    monkeypatch.setattr(WaitTrigger, "hook", hook)
    monkeypatch.setattr(endpoints, "cloudwatch_hook", lambda settings: FakeAlarms())
    made = DeployEndpointOperator(task_id="run_endpoint", config=REQUEST)
    made.__dict__ |= {"hook": hook, "settings": Settings(account_id="123456789012", poll_interval_s=10)}
    return made


@pytest.fixture
def left(airflow_task: FakeTask) -> tuple[Any, dict[str, Any]]:
    """A context, and what the task leaves in its XComs."""
    found: dict[str, Any] = {}
    context = airflow_task.context()
    context["ti"].xcom_push = lambda *, key, value: found.update({key: value})
    return context, found


def test_the_steps_of_an_update_are_left_for_the_report(
    operator: DeployEndpointOperator, left: tuple[Any, dict[str, Any]]
) -> None:
    context, found = left
    result = operator.execute(context)
    assert STEPS_KEY not in result
    assert [(step["status"], step["at"][11:16]) for step in found[STEPS_KEY]] == [
        *(("Creating", "12:00"), ("Baking", "12:01"), ("Deleting", "12:03"), ("InService", "13:00"))
    ]
    assert found[STEPS_KEY][-1]["message"] == f"{CONFIG} serves."


def test_those_of_an_update_that_was_taken_back_are_left_too(
    operator: DeployEndpointOperator, aws: ToldSageMaker, left: tuple[Any, dict[str, Any]]
) -> None:
    context, found = left
    aws.is_taken_back = True
    ask = aws.update_endpoint

    def update_endpoint(**request: Any) -> None:
        ask(**request)
        aws.endpoints[NAME]["states"] = ["Updating", "RollingBack", "RollingBack", "InService"]

    aws.update_endpoint = update_endpoint  # type: ignore[method-assign]  # a rollback instead
    with pytest.raises(AirflowFailException, match="was taken back"):
        operator.execute(context)
    assert [step["status"] for step in found[STEPS_KEY][-2:]] == ["RollingBack", "InService"]
    assert found[STEPS_KEY][-1]["message"] == f"{OLDER} serves."


def test_what_was_seen_before_the_time_was_over_is_left(
    operator: DeployEndpointOperator, aws: ToldSageMaker, left: tuple[Any, dict[str, Any]]
) -> None:
    context, found = left
    aws.steps = [f"step {number}" for number in range(1000)]
    with pytest.raises(AirflowFailException, match="did not get there in time"):
        operator.execute(context)
    assert len(found[STEPS_KEY]) == 100


def test_where_there_was_nothing_to_wait_for_there_are_no_steps(
    operator: DeployEndpointOperator, aws: ToldSageMaker, left: tuple[Any, dict[str, Any]]
) -> None:
    context, found = left
    aws.create_model(**REQUEST["Model"])
    aws.create_endpoint_config(**REQUEST["EndpointConfig"])
    aws.endpoints[NAME]["EndpointConfigName"] = CONFIG
    operator.execute(context)
    assert found[STEPS_KEY] == []


def test_a_store_that_fails_costs_the_steps_alone(
    left: tuple[Any, dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    context, _ = left

    def fail(**_: Any) -> None:
        raise ConnectionError("Airflow's server is away")

    context["ti"].xcom_push = fail
    leave_steps(context, [])
    assert "the report will not show the steps: Airflow's server is away" in caplog.text
