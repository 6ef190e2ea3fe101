"""Lists of jobs, whatever their kind."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from moto.sagemaker.exceptions import AWSValidationException

from localaws.paging import cut
from localaws.sagemaker.listing import job_kind, list_resources

KIND = job_kind("Processing", members=("FailureReason",))
START = datetime(2026, 1, 1, tzinfo=UTC)


def job(number: int, status: str = "Completed") -> Any:
    """Return a job that was created so many hours after START."""
    time = START + timedelta(hours=number)
    return SimpleNamespace(
        processing_job_name=f"Job-{number}",
        processing_job_status=status,
        processing_end_time=None,
        creation_time=time,
        last_modified_time=time,
        failure_reason="why" if status == "Failed" else None,
        arn=f"arn-{number}",
    )


JOBS = [job(2, "Failed"), job(0), job(1)]


def listed(**parameters: Any) -> list[str]:
    """Return the names on the page that these parameters ask for."""
    return [item["ProcessingJobName"] for item in page(**parameters)["ProcessingJobSummaries"]]


def page(**parameters: Any) -> dict[str, Any]:
    """Return the answer to these parameters."""
    return list_resources(JOBS, lambda name, default=None: parameters.get(name, default), kind=KIND)


def test_jobs_are_sorted_filtered_and_cut() -> None:
    assert listed() == ["Job-0", "Job-1", "Job-2"]
    assert listed(SortOrder="Descending", MaxResults=2) == ["Job-2", "Job-1"]
    assert listed(SortBy="Status") == ["Job-0", "Job-1", "Job-2"]
    assert listed(NameContains="job-1") == ["Job-1"]
    assert listed(StatusEquals="Failed", CreationTimeAfter=START) == ["Job-2"]
    assert listed(LastModifiedTimeBefore=START) == []


def test_pages_are_cut_and_the_last_has_no_token() -> None:
    items = list(range(25))
    assert cut(items, start=0, limit=10) == (list(range(10)), "10")
    assert cut(items, start=20, limit=10) == ([20, 21, 22, 23, 24], None)
    assert cut(items, start=15, limit=10)[1] is None
    assert cut(items, start=99, limit=10) == ([], None)


def test_a_page_says_where_the_next_begins() -> None:
    first = page(MaxResults=2)
    assert listed(MaxResults=2, NextToken=first["NextToken"]) == ["Job-2"]
    assert "NextToken" not in page(MaxResults=2, NextToken=first["NextToken"])


def test_a_summary_leaves_out_what_is_not_known() -> None:
    failed = page(StatusEquals="Failed")["ProcessingJobSummaries"][0]
    assert (failed["FailureReason"], failed["ProcessingJobArn"]) == ("why", "arn-2")
    assert "ProcessingEndTime" not in failed


def test_a_token_that_is_not_ours_is_refused() -> None:
    """What else a list request must not have is refused by the service's model, before it comes here."""
    with pytest.raises(AWSValidationException):
        page(NextToken="x")
