"""What the status page shows of jobs while they run, and afterwards."""

import json
import time
import urllib.request
import uuid
from typing import Any

import pytest

from tests.sagemaker_role import ensure_role

WAIT_S = 120.0
SCRIPT = "import sys, time; print('begun', flush=True); time.sleep(600)"
CLUSTER = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}


def rows(localaws: Any) -> list[dict[str, Any]]:
    """Return the rows of all jobs."""
    with urllib.request.urlopen(f"{localaws.url}/_localaws/status", timeout=30) as answer:
        found: list[dict[str, Any]] = json.load(answer)["jobs"]
        return found


def wait_for_row(localaws: Any, name: str, *, member: str, wanted: Any) -> dict[str, Any]:
    """Wait until a member of a job's row is as wanted; return the row."""
    deadline = time.monotonic() + WAIT_S
    while True:
        (row,) = [row for row in rows(localaws) if row["name"] == name]
        if row[member] == wanted or (callable(wanted) and wanted(row[member])):
            return row
        assert time.monotonic() < deadline, row
        time.sleep(0.1)


@pytest.fixture
def job(localaws: Any) -> str:
    """Return the name of a processing job on two instances, which waits to be stopped."""
    name = f"status-{uuid.uuid4().hex[:10]}"
    localaws.client("sagemaker").create_processing_job(
        ProcessingJobName=name,
        RoleArn=ensure_role(localaws.client("iam"), "status-rows"),
        AppSpecification={"ImageUri": "image:1", "ContainerEntrypoint": ["python3", "-c", SCRIPT]},
        ProcessingResources={"ClusterConfig": CLUSTER},
    )
    return name


def test_a_processing_job_is_shown_with_its_processes_and_its_log(localaws: Any, job: str) -> None:
    row = wait_for_row(localaws, job, member="processes", wanted=lambda found: len(found) == 2)
    assert (row["kind"], row["status"], row["resources"]) == ("Processing", "InProgress", "2 x ml.m5.large")
    assert [one["name"] for one in row["processes"]] == ["algo-1", "algo-2"]
    assert {one["pid"] for one in row["processes"]} <= {child["pid"] for child in localaws.children()}
    assert row["log"] == {"group": "/aws/sagemaker/ProcessingJobs", "prefix": f"{job}/"}
    localaws.client("sagemaker").stop_processing_job(ProcessingJobName=job)
    ended = wait_for_row(localaws, job, member="status", wanted="Stopped")
    assert ended["processes"] == []
    assert ended["created"] <= ended["ended"]


def test_the_newest_job_comes_first_whatever_its_kind(localaws: Any, job: str) -> None:
    assert rows(localaws)[0]["name"] == job
    created = [row["created"] for row in rows(localaws)]
    assert created == sorted(created, reverse=True)
    localaws.client("sagemaker").stop_processing_job(ProcessingJobName=job)
    wait_for_row(localaws, job, member="status", wanted="Stopped")
