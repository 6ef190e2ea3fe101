"""Training on spot capacity that is taken away: the run goes on where it was, and pays for less."""

import json
import time
from threading import Thread
from typing import Any

import pytest

from localaws.faults.client import FaultClient
from musher.archives import read_member_from_tar_gz
from scripts.local_stack import BUCKET

RUN_S = 600
EPOCHS = 60
"""Of the digits: long enough to be in the middle of them when the instances go."""


def checkpoints(s3: Any) -> set[str]:
    """Return the keys of all jobs' checkpoints."""
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="musher/jobs/").get("Contents", [])
    return {item["Key"] for item in listed if "/checkpoints/" in item["Key"]}


def interrupt_after_a_checkpoint(s3: Any, faults: FaultClient, *, before: set[str]) -> None:
    """Take the instances away once a new checkpoint is in S3: a slow machine needs a while for one."""
    deadline = time.monotonic() + RUN_S
    while time.monotonic() < deadline:
        if checkpoints(s3) - before:
            faults.add(kind="spot_interruption", job="musher-train-")
            return
        time.sleep(0.2)


def log_lines(logs: Any, *, job_name: str) -> list[str]:
    """Return all lines of a job's streams; moto's filter_log_events passes over logStreamNamePrefix."""
    group = "/aws/sagemaker/TrainingJobs"
    found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job_name}/")
    streams = [stream["logStreamName"] for stream in found["logStreams"]]
    answer = logs.filter_log_events(logGroupName=group, logStreamNames=streams)
    return [event["message"] for event in answer["events"]]


@pytest.mark.slow
@pytest.mark.timeout(RUN_S)
def test_a_run_whose_instances_are_taken_away_continues_from_its_checkpoint(runs: Any) -> None:
    faults = FaultClient(runs.stack.url)
    s3 = runs.stack.client("s3")
    known = {"before": checkpoints(s3)}
    Thread(target=interrupt_after_a_checkpoint, args=(s3, faults), kwargs=known, daemon=True).start()
    try:
        summary = runs.run(tuning_strategy="none", use_spot=True, instance_count=1, epochs=EPOCHS)
        [rule] = faults.rules()
    finally:
        faults.clear()
    assert rule["fired"] == 1
    name = summary["training"]["job_name"]
    job = runs.stack.client("sagemaker").describe_training_job(TrainingJobName=name)
    states = [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
    assert states.count("Interrupted") == 1
    assert states.count("Training") == 2
    assert summary["training"]["is_spot"]
    assert 0 < summary["training"]["spot_savings"] < 1

    key = f"musher/jobs/{name}/output/output.tar.gz"
    archive = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    history = json.loads(read_member_from_tar_gz(archive=archive, name="history.json"))
    assert [epoch["epoch"] for epoch in history["epochs"]] == list(range(1, EPOCHS + 1))
    lines = log_lines(runs.stack.client("logs"), job_name=name)
    assert sum(line.startswith("continued from epoch ") for line in lines) == 1
    assert sum(line.startswith("epoch 1: train:loss=") for line in lines) == 1
