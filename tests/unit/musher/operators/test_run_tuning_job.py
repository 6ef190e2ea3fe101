"""RunTuningJobOperator: one tuning job per run, adopted by retries, whose failures are explained."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.operators import jobs, tuning
from musher.operators.tuning import RunTuningJobOperator
from musher.settings import Settings
from tests.unit.musher.operators.fakes import FakeWaiter, refuse

NAME = "musher-t-0123abcd"
START = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
CONFIG = {
    "Strategy": "Random",
    "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "best:valid_loss"},
    "ResourceLimits": {"MaxNumberOfTrainingJobs": 5, "MaxParallelTrainingJobs": 2},
}
REQUEST = {
    "HyperParameterTuningJobName": NAME,
    "HyperParameterTuningJobConfig": CONFIG,
    "TrainingJobDefinition": {
        "InputDataConfig": [],
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    },
}
Make = Callable[..., Any]


def trial(number: int, *, status: str = "Completed", objective: float | None = 0.5) -> dict[str, Any]:
    """Return one summary of ListTrainingJobsForHyperParameterTuningJob."""
    measured = {"MetricName": "best:valid_loss", "Value": objective}
    return {
        "TrainingJobName": f"{NAME}-00{number}-89abcdef",
        "TrainingJobStatus": status,
        "TunedHyperParameters": {"batch_size": '"64"', "learning_rate": f"0.0{number}"},
        "TrainingStartTime": START,
        "TrainingEndTime": START.replace(second=10),
        **({} if objective is None else {"FinalHyperParameterTuningJobObjectiveMetric": measured}),
        **({"FailureReason": f"AlgorithmError: no {number}"} if status == "Failed" else {}),
    }


class FakeTuning:
    """Tuning jobs in memory; a new job walks through `script`, one status for each look."""

    def __init__(self) -> None:
        self.jobs: dict[str, list[str]] = {}
        self.script = ["InProgress", "Completed"]
        self.trials = [trial(1), trial(2, objective=0.25)]
        self.created: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self.conn = self

    def create_hyper_parameter_tuning_job(self, **request: Any) -> None:
        name = request["HyperParameterTuningJobName"]
        if name in self.jobs:
            raise refuse("ResourceInUse", "CreateHyperParameterTuningJob")
        self.created.append(request)
        self.jobs[name] = list(self.script)

    def describe_hyper_parameter_tuning_job(self, *, HyperParameterTuningJobName: str) -> dict[str, Any]:  # noqa: N803
        states = self.jobs[HyperParameterTuningJobName]
        status = states.pop(0) if len(states) > 1 else states[0]
        key = "FinalHyperParameterTuningJobObjectiveMetric"
        measured = [found for found in self.trials if key in found]
        best = min(measured, key=lambda found: found[key]["Value"], default=None)
        return {
            "HyperParameterTuningJobName": HyperParameterTuningJobName,
            "HyperParameterTuningJobStatus": status,
            "HyperParameterTuningJobConfig": CONFIG,
            "TrainingJobStatusCounters": {"Completed": 1, "InProgress": 1, "Stopped": 0},
            "CreationTime": START,
            "HyperParameterTuningEndTime": START.replace(second=42),
            **({"BestTrainingJob": best} if best else {}),
        }

    def describe_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803
        return {"BillableTimeInSeconds": 10, "ResourceConfig": {"InstanceCount": 1}}

    def find_tuning_job(self, name: str) -> dict[str, Any] | None:
        if name not in self.jobs:
            return None
        return self.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)

    def list_trials(self, tuning_job: str) -> list[dict[str, Any]]:
        assert tuning_job in self.jobs
        return self.trials

    def stop_hyper_parameter_tuning_job(self, *, HyperParameterTuningJobName: str) -> None:  # noqa: N803
        self.stopped.append(HyperParameterTuningJobName)

    def get_waiter(self, name: str) -> Any:
        assert name == "TuningJobEnded"
        latest = list(self.jobs)[-1]
        verdicts = {"Completed": True, "Failed": False, "Stopped": False}
        return FakeWaiter(
            lambda: self.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=latest),
            lambda answer: verdicts.get(answer["HyperParameterTuningJobStatus"]),
        )


@pytest.fixture
def aws() -> FakeTuning:
    return FakeTuning()


@pytest.fixture
def operator(
    aws: FakeTuning, settings: Settings, logs: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> RunTuningJobOperator:
    monkeypatch.setattr(jobs, "s3_hook", lambda settings: SimpleNamespace(get_conn=lambda: None))
    made = RunTuningJobOperator(task_id="run_trials", config=REQUEST)
    made.__dict__ |= {"hook": aws, "settings": settings}
    return made


def test_a_new_job_is_started_and_its_best_values_are_numbers(
    operator: RunTuningJobOperator, aws: FakeTuning, context: Make
) -> None:
    found = operator.execute(context())
    assert aws.created == [REQUEST]
    assert found == {
        "strategy": "Random",
        "job_name": NAME,
        "objective": "best:valid_loss",
        "trials": [
            {
                "name": f"{NAME}-001-89abcdef",
                "status": "Completed",
                "hyperparameters": {"batch_size": 64, "learning_rate": 0.01},
                "objective": 0.5,
                "seconds": 10.0,
            },
            found["best"],
        ],
        "best": {
            "name": f"{NAME}-002-89abcdef",
            "status": "Completed",
            "hyperparameters": {"batch_size": 64, "learning_rate": 0.02},
            "objective": 0.25,
            "seconds": 10.0,
        },
        "seconds": 42.0,
        "billed_seconds": 20.0,
    }


@pytest.mark.parametrize("states", [["InProgress", "Completed"], ["Completed"]])
def test_a_retry_adopts_the_live_or_completed_job(
    states: list[str], operator: RunTuningJobOperator, aws: FakeTuning, context: Make
) -> None:
    aws.jobs[NAME] = states
    assert operator.execute(context(try_number=2))["job_name"] == NAME
    assert aws.created == []


def test_a_stopped_job_fails(operator: RunTuningJobOperator, aws: FakeTuning, context: Make) -> None:
    """The provider's operator lets it pass."""
    aws.script = ["InProgress", "Stopping", "Stopped"]
    with pytest.raises(AirflowFailException, match=f"Tuning job {NAME} is Stopped: no reason given"):
        operator.execute(context())


def test_a_job_whose_trials_all_failed_says_why_each_did(
    operator: RunTuningJobOperator, aws: FakeTuning, logs: dict[str, list[str]], context: Make
) -> None:
    aws.script = ["InProgress", "Failed"]
    aws.trials = [trial(number, status="Failed", objective=None) for number in range(1, 6)]
    logs[f"{NAME}-001-89abcdef/algo-1-1700000000"] = ["reading data", "no such class: wolf"]
    with pytest.raises(AirflowFailException) as caught:
        operator.execute(context())
    message = str(caught.value)
    assert "\n5 of 5 trials failed.\n" in message
    assert f"Trial {NAME}-001-89abcdef with {aws.trials[0]['TunedHyperParameters']}: " in message
    assert "AlgorithmError: no 1\n[algo-1] reading data\n[algo-1] no such class: wolf\n" in message
    assert "AlgorithmError: no 3" in message
    assert "AlgorithmError: no 4" not in message
    assert message.endswith("then clear this task: that starts the next attempt.")


def test_a_job_that_completed_without_an_objective_fails_and_is_not_adopted(
    operator: RunTuningJobOperator, aws: FakeTuning, context: Make
) -> None:
    aws.trials = [trial(1, objective=None)]
    with pytest.raises(AirflowFailException, match="is Completed: no trial reported its objective"):
        operator.execute(context())
    with pytest.raises(AirflowFailException, match="is Completed: no trial reported its objective"):
        operator.execute(context(try_number=2))
    assert len(aws.created) == 1
    aws.trials = [trial(1)]
    aws.jobs = {NAME: ["Stopped"]}
    assert operator.execute(context())["job_name"] == f"{NAME}-2"


def test_an_automatic_retry_never_starts_a_second_job(
    operator: RunTuningJobOperator, aws: FakeTuning, context: Make
) -> None:
    aws.jobs[NAME] = ["Failed"]
    with pytest.raises(AirflowFailException, match=f"Tuning job {NAME} is Failed"):
        operator.execute(context(try_number=2))
    assert aws.created == []


def test_the_wait_covers_every_round_of_trials(operator: RunTuningJobOperator) -> None:
    assert operator.timeout_s() == 3 * (60 + tuning.TRIAL_GRACE_S) + 3600


def test_a_job_that_never_ends_is_stopped(
    operator: RunTuningJobOperator, aws: FakeTuning, context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operator, "timeout_s", lambda: 0.05)
    aws.script = ["InProgress"]
    with pytest.raises(AirflowFailException, match="the job was told to stop"):
        operator.execute(context())
    assert aws.stopped == [NAME]


def test_a_killed_task_stops_its_job(
    operator: RunTuningJobOperator, aws: FakeTuning, context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(operator, "wait", killed)
    with pytest.raises(KeyboardInterrupt):
        operator.execute(context())
    operator.on_kill()
    assert aws.stopped == [NAME]
