"""Tuning jobs without processes: training jobs that a test moves by hand."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from localaws.clock import ManualClock
from localaws.sagemaker.tuning.job import LocalTuningJob
from localaws.sagemaker.tuning.planning import make_plan
from localaws.sagemaker.tuning.runner import Tools, TuningRunner
from localaws.sagemaker.tuning.spec import Objective, TuningSpec
from localaws.sagemaker.tuning.trial import Trial

X = [{"Name": "x", "MinValue": "0", "MaxValue": "1", "ScalingType": "Linear"}]


def request(**options: Any) -> dict[str, Any]:
    """Return a request as moto's backend gets it; `config`, `definition` and `more` are merged into it."""
    config = {
        "Strategy": "Random",
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": {"ContinuousParameterRanges": X},
        "RandomSeed": 1,
    }
    definition = {
        "StaticHyperParameters": {"epochs": "9"},
        "AlgorithmSpecification": {
            "TrainingImage": "image",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*);"}],
        },
        "RoleArn": "arn:aws:iam::123456789012:role/r",
        "OutputDataConfig": {"S3OutputPath": "s3://b/jobs"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    members = dict.fromkeys(("training_job_definitions", "warm_start_config", "tags", "autotune"))
    return {
        **members,
        "hyper_parameter_tuning_job_config": config | (options.get("config") or {}),
        "training_job_definition": definition | (options.get("definition") or {}),
        **(options.get("more") or {}),
    }


def make_job(clock: ManualClock, *, name: str = "tune", parents: Any = (), **options: Any) -> LocalTuningJob:
    """Return a tuning job that has just been created."""
    return LocalTuningJob(
        now=clock.now,
        parents=tuple(parents),
        hyper_parameter_tuning_job_name=name,
        region_name="us-east-1",
        account_id="123456789012",
        **request(**options),
    )


def make_spec(**options: Any) -> TuningSpec:
    """Return what a request asks for."""
    members = request(**options)
    return TuningSpec.from_request(
        name="tune",
        config=members["hyper_parameter_tuning_job_config"],
        definition=members["training_job_definition"],
    )


class FakeChildren:
    """Training jobs that stay in progress until a test ends them."""

    def __init__(self, clock: ManualClock, *, objective: Objective) -> None:
        self.clock = clock
        self.objective = objective
        self.launched: list[Trial] = []
        self.printed: dict[int, list[float]] = {}
        self.refusal: Exception | None = None

    def launch(self, number: int, values: dict[str, str]) -> Trial:
        """Start one, or refuse it."""
        if self.refusal is not None:
            raise self.refusal
        job = SimpleNamespace(
            training_job_name=f"tune-{number:03}",
            arn=f"arn:aws:sagemaker:us-east-1:123456789012:training-job/tune-{number:03}",
            training_job_status="InProgress",
            creation_time=self._now(),
            training_start_time=self._now(),
            training_end_time=None,
            final_metric_data_list=None,
            failure_reason=None,
            secondary_status_transitions=[{"Status": "Starting"}],
        )
        trial: Any = Trial(number=number, values=values, job=job, objective=self.objective)  # type: ignore[arg-type] # a stand-in
        self.launched.append(trial)
        return trial  # type: ignore[no-any-return] # the line above

    def _now(self) -> datetime:
        return self.clock.now().replace(tzinfo=None)

    def new_values(self, trial: Trial) -> list[float]:
        """Return what a test has let the training job print."""
        return self.printed.pop(trial.number, [])

    def stop(self, trial: Trial) -> None:
        """Let it be stopping."""
        trial.job.training_job_status = "Stopping"

    def interrupt(self, number: int) -> None:
        """Let one lose its instances and begin anew."""
        transitions = self.launched[number - 1].job.secondary_status_transitions
        transitions += [{"Status": "Interrupted"}, {"Status": "Starting"}]

    def end(
        self, number: int, status: str = "Completed", value: float | None = None, reason: str = ""
    ) -> None:
        """End one."""
        job = self.launched[number - 1].job
        if value is not None:
            job.final_metric_data_list = [{"MetricName": "loss", "Value": value}]
        job.training_end_time = self._now()
        job.failure_reason = reason or None
        job.training_job_status = status

    def statuses(self) -> list[str]:
        """Return the status of every training job."""
        return [trial.status for trial in self.launched]


class Harness:
    """A tuning job, its runner, and its fake training jobs."""

    def __init__(self, parents: Any = (), **options: Any) -> None:
        self.clock = ManualClock()
        self.job = make_job(self.clock, parents=parents, **options)
        self.spec = make_spec(**options)
        self.children = FakeChildren(self.clock, objective=self.spec.objective)
        tools = Tools(
            clock=self.clock, children=self.children, plan=lambda: make_plan(self.spec, job=self.job)
        )
        self.runner = TuningRunner(job=self.job, spec=self.spec, tools=tools)
        self.runner.prepare()

    @property
    def status(self) -> str:
        """The tuning job's status."""
        return str(self.job.hyper_parameter_tuning_job_status)

    def run(self, outcomes: list[Any]) -> None:
        """Run to the end; the n-th training job ends with the n-th outcome: a value, or None (it failed)."""
        for _ in range(100):
            if self.runner.tick():
                return
            for trial in self.children.launched:
                if not trial.has_ended:
                    value = outcomes[trial.number - 1]
                    self.children.end(trial.number, "Failed" if value is None else "Completed", value)
                    self.clock.advance(1)
        raise AssertionError(f"{self.status} after 100 ticks")


@pytest.fixture
def make_harness() -> type[Harness]:
    """Return the class that runs a tuning job by hand."""
    return Harness


@pytest.fixture
def tuning_request() -> Any:
    """Return the function that makes a request."""
    return request


@pytest.fixture
def tuning_spec() -> Any:
    """Return the function that makes a specification."""
    return make_spec


@pytest.fixture
def tuning_job() -> Any:
    """Return the function that makes a tuning job."""
    return make_job
