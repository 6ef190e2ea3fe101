"""A job's states and times, on a clock that the test moves."""

import errno
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localaws.clock import ManualClock
from localaws.sagemaker.training.attempt import Attempt
from localaws.sagemaker.training.job import STATUS, TERMINAL, TRANSITIONS, LocalTrainingJob, spec_of
from localaws.sagemaker.training.runner import JobRunner


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands still."""
    return ManualClock()


@pytest.fixture
def job(clock: ManualClock) -> LocalTrainingJob:
    """Return a job that has just been created."""
    moto_only = ("vpc_config", "checkpoint_config", "debug_hook_config", "debug_rule_configurations")
    more: dict[str, Any] = dict.fromkeys((*moto_only, "tensor_board_output_config", "experiment_config"))
    flags = ("enable_network_isolation", "enable_inter_container_traffic_encryption")
    more |= dict.fromkeys((*flags, "enable_managed_spot_training"), False)
    return LocalTrainingJob(
        now=clock.now,
        environment={"A": "1"},
        retry_strategy=None,
        account_id="123456789012",
        region_name="us-east-1",
        training_job_name="job",
        hyper_parameters={"lr": "1"},
        algorithm_specification={"TrainingImage": "i", "TrainingInputMode": "File"},
        role_arn="arn:aws:iam::123456789012:role/r",
        input_data_config=None,
        output_data_config={"S3OutputPath": "s3://b/jobs"},
        resource_config={"InstanceType": "ml.m5.large", "InstanceCount": 2},
        stopping_condition=None,
        tags=[],
        **more,
    )


def test_every_state_has_a_status_and_only_known_followers() -> None:
    assert set(TRANSITIONS) == set(STATUS)
    assert frozenset().union(*TRANSITIONS.values()) <= set(TRANSITIONS)
    assert {STATUS[name] for name in TERMINAL} == {"Completed", "Failed", "Stopped"}


def test_a_new_job_is_starting_and_promises_nothing(job: LocalTrainingJob) -> None:
    answer = job.response_object
    assert (answer["TrainingJobStatus"], answer["SecondaryStatus"]) == ("InProgress", "Starting")
    for name in (
        "ModelArtifacts",
        "TrainingStartTime",
        "TrainingEndTime",
        "FinalMetricDataList",
        "FailureReason",
    ):
        assert name not in answer
    assert answer["StoppingCondition"] == {"MaxRuntimeInSeconds": 86_400}
    assert "MetricDefinitions" not in answer["AlgorithmSpecification"]


def test_states_follow_the_table_only(job: LocalTrainingJob) -> None:
    assert not job.advance("Completed")
    assert job.advance("Downloading")
    assert job.advance("Stopping")
    assert not job.advance("Training")
    assert job.advance("Stopped")
    assert not job.advance("Failed")
    assert job.training_job_status == "Stopped"


def test_each_transition_ends_where_the_next_begins(job: LocalTrainingJob, clock: ManualClock) -> None:
    for state in ("Downloading", "Training", "Uploading", "Completed"):
        clock.advance(10)
        job.advance(state)
    transitions = job.response_object["SecondaryStatusTransitions"]
    lasted = [(item["EndTime"] - item["StartTime"]).total_seconds() for item in transitions]
    assert lasted == [10, 10, 10, 10, 0]


def test_billing_counts_wall_clock_seconds_not_instances(job: LocalTrainingJob, clock: ManualClock) -> None:
    clock.advance(100)
    job.start_billing()
    clock.advance(61.2)
    job.end_billing()
    clock.advance(50)
    job.end_billing()
    answer = job.response_object
    assert answer["BillableTimeInSeconds"] == answer["TrainingTimeInSeconds"] == 62
    assert answer["ResourceConfig"]["InstanceCount"] == 2


def test_time_without_instances_is_not_billed_and_spot_instances_cost_less(
    job: LocalTrainingJob, clock: ManualClock
) -> None:
    job.enable_managed_spot_training = True
    for used_s in (100, 50):
        job.start_billing()
        clock.advance(used_s)
        job.pause_billing()
        job.pause_billing()
        clock.advance(1000)
    job.end_billing()
    answer = job.response_object
    assert (answer["TrainingTimeInSeconds"], answer["BillableTimeInSeconds"]) == (150, 45)
    assert not {"UsedS", "InstancesSince", "_used_s"} & set(answer)


def test_lost_spot_instances_lead_back_to_the_start(job: LocalTrainingJob) -> None:
    for state in ("Downloading", "Training", "Interrupted", "Starting", "Downloading", "Training"):
        assert job.advance(state)
    assert job.advance("Stopping")
    assert job.advance("MaxWaitTimeExceeded")
    assert job.training_job_status == "Stopped"


def test_a_job_fails_once(job: LocalTrainingJob) -> None:
    job.fail("ClientError: first")
    job.fail("ClientError: second")
    assert job.response_object["FailureReason"] == "ClientError: first"


def test_the_answer_is_a_copy(job: LocalTrainingJob) -> None:
    job.response_object["SecondaryStatusTransitions"].clear()
    assert job.response_object["SecondaryStatusTransitions"]


def test_the_spec_names_hosts_and_defaults(job: LocalTrainingJob) -> None:
    spec = spec_of(job, account_id="123456789012", region="us-east-1")
    assert spec.hosts == ("algo-1", "algo-2")
    assert spec.max_runtime_s == 86_400
    assert spec.program is None
    assert spec.environment == {"A": "1"}


def test_a_full_disk_is_the_reason_of_a_job_that_fails(
    job: LocalTrainingJob, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(attempt: Attempt) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/opt/ml/input/data/train/0.tar")

    monkeypatch.setattr(Attempt, "download", fill)
    context: Any = SimpleNamespace(clock=clock, data_dir=tmp_path)
    spec = spec_of(job, account_id="123456789012", region="us-east-1")
    JobRunner(context=context, job=job, spec=spec).run()
    assert job.training_job_status == "Failed"
    assert "No space left on device: '/opt/ml/input/data/train/0.tar'" in str(job.failure_reason)
