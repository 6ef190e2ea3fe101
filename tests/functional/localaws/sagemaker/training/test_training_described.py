"""What the status page shows of training jobs."""

import json
import urllib.request
from typing import Any


def row_of(jobs: Any, name: str) -> dict[str, Any]:
    """Return what the page shows of one job."""
    with urllib.request.urlopen(f"{jobs.url}/_localaws/status", timeout=30) as answer:
        shown = json.load(answer)["jobs"]
    return dict(next(row for row in shown if row["name"] == name))


def test_a_job_is_shown_with_its_hosts_while_they_run(jobs: Any) -> None:
    name = jobs.create("import time; print('started', flush=True); time.sleep(60)")
    jobs.wait_for_line(name, "started")
    row = row_of(jobs, name)
    assert (row["kind"], row["status"], row["detail"]) == ("Training", "InProgress", "Training")
    assert [process["name"] for process in row["processes"]] == ["algo-1"]
    assert row["processes"][0]["pid"] > 0
    assert row["log"] == {"group": "/aws/sagemaker/TrainingJobs", "prefix": f"{name}/"}
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    jobs.wait(name)
    assert (row_of(jobs, name)["status"], row_of(jobs, name)["processes"]) == ("Stopped", [])


def test_a_job_that_failed_is_shown_with_its_reason(jobs: Any) -> None:
    name = jobs.create("raise SystemExit('as asked')")
    jobs.wait(name)
    row = row_of(jobs, name)
    assert row["status"] == "Failed"
    assert "as asked" in row["reason"]
