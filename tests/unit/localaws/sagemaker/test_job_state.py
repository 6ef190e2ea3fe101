"""What may follow what in a processing or transform job."""

from datetime import UTC, datetime

from localaws.clock import ManualClock
from localaws.sagemaker.job_state import JobState


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
