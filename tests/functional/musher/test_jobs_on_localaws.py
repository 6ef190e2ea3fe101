"""The operators of jobs against tuning jobs, shared jobs and spot jobs that really run."""

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher import names
from musher.hooks.connection import s3_hook, sagemaker_hook
from musher.operators.training import RunTrainingJobOperator
from musher.operators.tuning import RunTuningJobOperator
from musher.payloads.training import build_training_job
from musher.payloads.tuning import STRATEGIES, TuningPlan, build_tuning_job
from musher.settings import Settings
from tests.functional.musher.scripts import NEVER_ENDS, WRITES_FEATURES
from tests.unit.musher.operators.fakes import FakeTask

Make = Callable[..., Any]

LOSS_IS_THE_RATE = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--learning_rate", type=float)
parser.add_argument("--batch_size", type=int)
options = parser.parse_args()
print(f"valid:loss={options.learning_rate:.6f}", flush=True)
print(f"best:valid_loss={options.learning_rate:.6f}", flush=True)
"""
EXITS_1 = "import sys\nprint('reading data', flush=True)\nsys.exit('no such class: wolf')\n"
SAYS_NOTHING = "print('done')\n"


@pytest.fixture
def tuning_for(installation: Settings, plan_for: Make) -> Make:
    """Return a function that returns the request of a tuning job whose trials run a script."""

    def make(script: str, *, strategy: str = "Random") -> dict[str, Any]:
        ranges = {
            "learning_rate": {"type": "continuous", "min": 0.001, "max": 0.1, "scale": "log"},
            "batch_size": {"type": "categorical", "values": [32, 64]},
        }
        plan = TuningPlan(
            trial=plan_for(script),
            strategy=strategy,
            ranges=ranges,
            trials=4,
            parallel=2,
            seed=1,
            max_epochs=3,
        )
        return build_tuning_job(installation, plan=plan)

    return make


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_best_trial_is_the_one_with_the_lowest_loss(
    strategy: str, tuning_for: Make, with_settings: Make, airflow_task: FakeTask
) -> None:
    request = tuning_for(LOSS_IS_THE_RATE, strategy=strategy)
    operator = with_settings(RunTuningJobOperator(task_id="a", config=request))
    found = operator.execute(airflow_task.context())
    assert [trial["status"] for trial in found["trials"]] == ["Completed"] * 4
    for trial in found["trials"]:
        assert trial["objective"] == pytest.approx(trial["hyperparameters"]["learning_rate"], abs=1e-6)
        assert trial["hyperparameters"]["batch_size"] in (32, 64)
    assert found["best"]["objective"] == min(trial["objective"] for trial in found["trials"])
    assert found["billed_seconds"] >= 0
    again = with_settings(RunTuningJobOperator(task_id="b", config=request)).execute(airflow_task.retry())
    assert again == found


def test_trials_that_all_fail_fail_the_task_with_their_reasons(
    tuning_for: Make, with_settings: Make, airflow_task: FakeTask, caplog: pytest.LogCaptureFixture
) -> None:
    operator = with_settings(RunTuningJobOperator(task_id="a", config=tuning_for(EXITS_1)))
    with pytest.raises(AirflowFailException):
        operator.execute(airflow_task.context())
    for text in ["is Failed", "trials failed", "[algo-1] no such class: wolf", "then clear this task"]:
        assert text in caplog.text


def test_trials_without_an_objective_fail_the_task(
    tuning_for: Make, with_settings: Make, airflow_task: FakeTask
) -> None:
    operator = with_settings(RunTuningJobOperator(task_id="a", config=tuning_for(SAYS_NOTHING)))
    with pytest.raises(AirflowFailException, match=r"Tuning job \S+ is (Failed|Completed): "):
        operator.execute(airflow_task.context())


def wait_for_trials(installation: Settings, name: str) -> None:
    """Wait until a tuning job has started a trial."""
    hook = sagemaker_hook(installation)
    deadline = time.monotonic() + 30
    while not (hook.find_tuning_job(name) and hook.list_trials(name)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("by_kill", [True, False], ids=["task-is-killed", "somebody-stops-it"])
def test_a_stopped_tuning_job_fails_the_task_and_no_trial_goes_on(
    by_kill: bool, installation: Settings, tuning_for: Make, with_settings: Make, airflow_task: FakeTask
) -> None:
    request = tuning_for(NEVER_ENDS)
    name = request["HyperParameterTuningJobName"]
    operator = with_settings(RunTuningJobOperator(task_id="a", config=request))
    failures: list[BaseException] = []

    def execute() -> None:
        try:
            operator.execute(airflow_task.context())
        except AirflowFailException as error:
            failures.append(error)

    task = threading.Thread(target=execute)
    task.start()
    wait_for_trials(installation, name)
    if by_kill:
        airflow_task.state = "failed"
        operator.on_kill()
    else:
        sagemaker_hook(installation).conn.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    task.join(timeout=60)
    assert not task.is_alive()
    assert f"Tuning job {name} is Stopped" in str(failures[0])
    states = {trial["TrainingJobStatus"] for trial in sagemaker_hook(installation).list_trials(name)}
    assert states == {"Stopped"}


def test_features_are_computed_once_and_again_when_they_are_gone(
    installation: Settings, plan_for: Make, with_settings: Make, airflow_task: FakeTask
) -> None:
    job_name = names.embed_job(installation, features_id=uuid.uuid4().hex[:16])
    plan = plan_for(WRITES_FEATURES, job_name=job_name, is_compressed=False)
    request = build_training_job(installation, plan=plan)

    def run() -> dict[str, Any]:
        made = RunTrainingJobOperator(task_id="run_job", config=request, marker="features.json")
        return dict(with_settings(made).execute(airflow_task.clear()))

    first = run()
    assert first["model_uri"].endswith(f"/{job_name}/output/model/")
    assert run() == first
    bucket, prefix = names.split_s3_uri(first["model_uri"])
    s3_hook(installation).get_conn().delete_object(Bucket=bucket, Key=f"{prefix}features.json")
    assert run()["job_name"] == f"{job_name}-2"


def test_a_spot_job_with_checkpoints_is_taken_as_requested(
    installation: Settings, plan_for: Make, with_settings: Make, airflow_task: FakeTask
) -> None:
    job_name = names.training_job(installation, slug=uuid.uuid4().hex[:8])
    plan = plan_for(SAYS_NOTHING, job_name=job_name, max_wait_s=120, keeps_checkpoints=True)
    request = build_training_job(installation, plan=plan)
    found = with_settings(RunTrainingJobOperator(task_id="run_job", config=request)).execute(
        airflow_task.context()
    )
    assert found["is_spot"]
    described = sagemaker_hook(installation).find_training_job(job_name)
    assert described
    assert described["CheckpointConfig"] == request["CheckpointConfig"]
