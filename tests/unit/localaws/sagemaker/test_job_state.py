"""What may follow what in a processing or transform job."""

from datetime import UTC, datetime
from itertools import product

import botocore.session
import pytest

from localaws.clock import ManualClock
from localaws.sagemaker.job_state import TRANSITIONS, JobState


class Job(JobState):
    """A job of neither kind."""

    KIND = "processing"
    processing_end_time: datetime | None
    processing_start_time: datetime | None


def begun() -> tuple[Job, ManualClock]:
    """Return a job that is in progress, and its clock."""
    job, clock = Job(), ManualClock()
    job.begin(now=clock.now)
    return job, clock


def test_a_job_completes_once_and_has_a_start_and_an_end() -> None:
    job, clock = begun()
    clock.advance(5)
    job.start()
    clock.advance(7)
    job.finish(is_stopped=False)
    assert job.status == "Completed"
    assert job.processing_start_time == datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC).replace(tzinfo=None)
    assert job.processing_end_time == datetime(2026, 1, 1, 0, 0, 12, tzinfo=UTC).replace(tzinfo=None)
    job.fail("too late")
    assert job.status == "Completed"
    assert job.failure_reason is None


def test_a_job_that_is_stopped_in_the_last_moment_is_stopped() -> None:
    job, _ = begun()
    assert job.advance("Stopping")
    job.finish(is_stopped=False)
    assert job.status == "Stopped"
    assert not job.advance("Stopping")


def test_a_job_that_ran_out_of_time_is_stopped() -> None:
    job, _ = begun()
    job.finish(is_stopped=True)
    assert job.status == "Stopped"


def test_a_failed_job_keeps_its_first_reason() -> None:
    job, _ = begun()
    job.fail("first")
    job.fail("second")
    assert (job.status, job.failure_reason) == ("Failed", "first")


def test_an_answer_leaves_out_what_is_empty_or_private() -> None:
    job, _ = begun()
    given = {"A": 0, "B": "", "C": None, "D": {}, "E": [], "Lock": 1, "F": "x"}
    assert job.describe(given) == {"A": 0, "F": "x"}


@pytest.mark.parametrize("shape", ["ProcessingJobStatus", "TransformJobStatus"])
def test_the_states_are_aws_s(shape: str) -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    known = set(model.shape_for(shape).enum)
    assert known - {"Deleting", "DeleteFailed"} == set(TRANSITIONS)


@pytest.mark.parametrize(("before", "after"), [*product(TRANSITIONS, TRANSITIONS)])
def test_only_what_the_table_allows_changes_a_job(before: str, after: str) -> None:
    job, clock = begun()
    job._set("job_status", before)
    created = job.creation_time
    clock.advance(9)
    is_allowed = after in TRANSITIONS[before]
    assert job.advance(after) is is_allowed
    assert job.status == (after if is_allowed else before)
    assert (job.last_modified_time != created) is is_allowed
    assert (job.end_time is not None) is (is_allowed and after not in ("Stopping", "InProgress"))


@pytest.mark.parametrize(("is_stopping", "status"), [(False, "Failed"), (True, "Failed")])
def test_a_job_may_fail_while_it_is_asked_to_stop(is_stopping: bool, status: str) -> None:
    job, _ = begun()
    if is_stopping:
        job.advance("Stopping")
    job.fail("the disk is full")
    assert (job.status, job.failure_reason) == (status, "the disk is full")


def test_a_job_that_never_began_its_work_has_an_end_and_no_start() -> None:
    job, _ = begun()
    job.finish(is_stopped=True)
    assert job.processing_start_time is None
    assert job.end_time is not None


def test_an_answer_is_a_copy_that_a_client_of_the_backend_may_change() -> None:
    job, _ = begun()
    given = {"Outputs": [{"Name": "a"}]}
    job.describe(given)["Outputs"][0]["Name"] = "b"
    assert given == {"Outputs": [{"Name": "a"}]}
