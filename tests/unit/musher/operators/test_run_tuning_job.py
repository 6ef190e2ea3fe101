"""RunTuningJobOperator: one tuning job per run, adopted by retries, whose failures are explained."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.operators import jobs, tuning
from musher.operators.intent import JobRecord
from musher.operators.tuning import RunTuningJobOperator
from musher.settings import Settings
from musher.triggers.waits import WaitTrigger
from tests.unit.musher.operators.fakes import FakeClock, FakeHook, FakeTask, refuse

NAME = "musher-t-0123abcd"
START = datetime.fromtimestamp(1_800_000_000, UTC)
"""When the fake clock begins."""
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
        self.config: dict[str, Any] = CONFIG
        self.tags: dict[str, str] = {}
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
            "HyperParameterTuningJobArn": f"arn:{HyperParameterTuningJobName}",
            "HyperParameterTuningJobConfig": self.config,
            "TrainingJobDefinition": REQUEST["TrainingJobDefinition"],
            "TrainingJobStatusCounters": {"Completed": 1, "InProgress": 1, "Stopped": 0},
            "CreationTime": START,
            "HyperParameterTuningEndTime": START.replace(second=42),
            **({"BestTrainingJob": best} if best else {}),
        }

    def add_tags(self, *, ResourceArn: str, Tags: list[dict[str, str]]) -> None:  # noqa: N803
        self.tags |= {tag["Key"]: tag["Value"] for tag in Tags}

    def list_tags(self, *, ResourceArn: str) -> dict[str, Any]:  # noqa: N803
        return {"Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()]}

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


@pytest.fixture
def aws(fake_clock: FakeClock) -> FakeTuning:
    return FakeTuning()


@pytest.fixture
def operator(
    aws: FakeTuning, logs: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> RunTuningJobOperator:
    monkeypatch.setattr(jobs, "S3Hook", lambda **_: SimpleNamespace(get_conn=lambda: None))
    hook = FakeHook(aws, "sagemaker")
    monkeypatch.setattr(WaitTrigger, "hook", hook)
    made = RunTuningJobOperator(task_id="run_trials", config=REQUEST)
    made.__dict__ |= {"hook": hook, "settings": Settings(account_id="123456789012", poll_interval_s=10)}
    return made


def test_a_new_job_is_started_and_its_best_values_are_numbers(
    operator: RunTuningJobOperator, aws: FakeTuning, airflow_task: FakeTask
) -> None:
    found = operator.execute(airflow_task.context())
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
    states: list[str], operator: RunTuningJobOperator, aws: FakeTuning, airflow_task: FakeTask
) -> None:
    JobRecord.of_request(context := airflow_task.context(), job_name=NAME).save(context)
    aws.jobs[NAME] = states
    assert operator.execute(airflow_task.retry())["job_name"] == NAME
    assert aws.created == []


def test_a_stopped_job_fails(operator: RunTuningJobOperator, aws: FakeTuning, airflow_task: FakeTask) -> None:
    """The provider's operator lets it pass."""
    aws.script = ["InProgress", "Stopping", "Stopped"]
    with pytest.raises(AirflowFailException, match=f"Tuning job {NAME} is Stopped: no reason given"):
        operator.execute(airflow_task.context())


def test_a_job_whose_trials_all_failed_says_why_each_did(
    operator: RunTuningJobOperator,
    aws: FakeTuning,
    logs: dict[str, list[str]],
    airflow_task: FakeTask,
    caplog: pytest.LogCaptureFixture,
) -> None:
    aws.script = ["InProgress", "Failed"]
    aws.trials = [trial(number, status="Failed", objective=None) for number in range(1, 6)]
    logs[f"{NAME}-001-89abcdef/algo-1-1700000000"] = ["reading data", "no such class: wolf"]
    with pytest.raises(AirflowFailException, match=f"Tuning job {NAME} is Failed: no reason given"):
        operator.execute(airflow_task.context())
    [message] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "\n5 of 5 trials failed.\n" in message
    assert f"Trial {NAME}-001-89abcdef with {aws.trials[0]['TunedHyperParameters']}: " in message
    assert "AlgorithmError: no 1\n[algo-1] reading data\n[algo-1] no such class: wolf\n" in message
    assert "AlgorithmError: no 3" in message
    assert "AlgorithmError: no 4" not in message
    assert message.endswith("then clear this task: that starts the next attempt.")


def test_a_job_that_completed_without_an_objective_fails_and_is_not_adopted(
    operator: RunTuningJobOperator, aws: FakeTuning, airflow_task: FakeTask
) -> None:
    aws.trials = [trial(1, objective=None)]
    with pytest.raises(AirflowFailException, match="is Completed: no trial reported its objective"):
        operator.execute(airflow_task.context())
    with pytest.raises(AirflowFailException, match="is Completed: no trial reported its objective"):
        operator.execute(airflow_task.retry())
    assert len(aws.created) == 1
    aws.trials = [trial(1)]
    aws.jobs = {NAME: ["Stopped"]}
    assert operator.execute(airflow_task.clear())["job_name"] == f"{NAME}-2"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Strategy": "Bayesian"}, "another strategy"),
        (
            {"ResourceLimits": {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 2}},
            "another number of trials",
        ),
        (
            {"ParameterRanges": {"ContinuousParameterRanges": [{"Name": "lr", "MinValue": "0.1"}]}},
            "another range of lr",
        ),
    ],
)
def test_a_live_job_that_tunes_otherwise_is_stopped_and_followed(
    change: dict[str, Any],
    said: str,
    operator: RunTuningJobOperator,
    aws: FakeTuning,
    airflow_task: FakeTask,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    aws.jobs[NAME] = ["InProgress", "InProgress", "Stopping", "Stopped"]
    operator.config = {**REQUEST, "HyperParameterTuningJobConfig": {**CONFIG, **change}}
    assert operator.execute(airflow_task.clear())["job_name"] == f"{NAME}-2"
    assert aws.stopped == [NAME]
    assert f"{NAME}: it tunes with {said}: starting the next attempt" in caplog.text


def test_what_aws_adds_to_a_request_is_no_change(
    operator: RunTuningJobOperator, aws: FakeTuning, airflow_task: FakeTask
) -> None:
    ranges = {"ContinuousParameterRanges": [{"Name": "lr", "MinValue": "0.1", "MaxValue": "1"}]}
    operator.config = {**REQUEST, "HyperParameterTuningJobConfig": {**CONFIG, "ParameterRanges": ranges}}
    described = {**ranges["ContinuousParameterRanges"][0], "ScalingType": "Auto"}
    added = {"ContinuousParameterRanges": [described], "IntegerParameterRanges": []}
    aws.config = {**CONFIG, "ParameterRanges": added}
    aws.jobs[NAME] = ["Completed"]
    assert operator.execute(airflow_task.context())["job_name"] == NAME


def test_the_wait_covers_every_round_of_trials(operator: RunTuningJobOperator) -> None:
    assert operator.limit_s({}) == 3 * (60 + tuning.TRIAL_GRACE_S) + 3600


def test_a_job_that_never_ends_is_stopped(
    operator: RunTuningJobOperator, aws: FakeTuning, airflow_task: FakeTask
) -> None:
    aws.script = ["InProgress"]
    with pytest.raises(AirflowFailException, match="did not end in 5580 s and was told to stop"):
        operator.execute(airflow_task.context())
    assert aws.stopped == [NAME]


def test_a_persons_cancel_stops_the_trials(
    operator: RunTuningJobOperator,
    aws: FakeTuning,
    airflow_task: FakeTask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def killed(trigger: Any, *, must_leave: Any) -> Any:
        operator.on_kill()
        raise KeyboardInterrupt

    monkeypatch.setattr("musher.operators.base.run_here", killed)
    airflow_task.state = "failed"
    with pytest.raises(KeyboardInterrupt):
        operator.execute(airflow_task.context())
    assert aws.stopped == [NAME]
