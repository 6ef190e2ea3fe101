"""The repository's own train.py on spot instances: interrupted, it ends with the very same model."""

import io
import json
import tarfile
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[5]
JOB_S = 120.0
"""Real seconds that one training may take."""
OPTIONS = {
    "architecture": "small_cnn",
    "image_size": 16,
    "epochs": 10,
    "batch_size": 64,
    "learning_rate": 0.003,
    "seed": 7,
}


def put_training_code(jobs: Any) -> str:
    """Upload training/ as script mode's source archive; return its URI."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in sorted((ROOT / "training").rglob("*.py")):
            archive.add(path, path.relative_to(ROOT / "training").as_posix())
    jobs.s3.put_object(Bucket=jobs.bucket, Key="training.tar.gz", Body=buffer.getvalue())
    return f"s3://{jobs.bucket}/training.tar.gz"


def start(jobs: Any, channels: dict[str, str], source: str, *, name: str, **more: Any) -> None:
    """Start train.py on two hosts."""
    request = jobs.request(
        "",
        name=name,
        hosts=2,
        channels=[jobs.channel(channel, uri) for channel, uri in channels.items()],
        hyperparameters={key: json.dumps(value) for key, value in OPTIONS.items()},
        more=more,
    )
    request["HyperParameters"] |= {"sagemaker_program": "train.py", "sagemaker_submit_directory": source}
    request["OutputDataConfig"]["CompressionType"] = "NONE"
    jobs.sagemaker.create_training_job(**request)


def finish(jobs: Any, name: str) -> dict[str, Any]:
    """Wait for the end of a job that must succeed; return its description."""
    description = dict(jobs.wait(name, timeout_s=JOB_S))
    assert description["TrainingJobStatus"] == "Completed", description
    return description


def wait_for_checkpoint(jobs: Any, prefix: str) -> None:
    """Wait until a checkpoint lies in S3."""
    deadline = time.monotonic() + JOB_S
    while not jobs.s3.list_objects_v2(Bucket=jobs.bucket, Prefix=prefix)["KeyCount"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def weights(jobs: Any, name: str) -> bytes:
    """Return a job's model.safetensors."""
    key = f"jobs/{name}/output/model/model.safetensors"
    return bytes(jobs.s3.get_object(Bucket=jobs.bucket, Key=key)["Body"].read())


@pytest.mark.slow
@pytest.mark.timeout(2 * JOB_S + 30)
def test_an_interrupted_training_ends_with_the_weights_of_one_that_was_not(
    serve_jobs: Any, stage_digits: Any, post_fault: Any
) -> None:
    whole, broken = (f"{kind}-{uuid.uuid4().hex[:8]}" for kind in ("whole", "broken"))
    with serve_jobs("--speed", "10") as (jobs, _):
        channels, source = stage_digits(jobs), put_training_code(jobs)
        start(jobs, channels, source, name=whole)
        finish(jobs, whole)
        prefix = f"jobs/{broken}/checkpoints/"
        start(
            jobs,
            channels,
            source,
            name=broken,
            EnableManagedSpotTraining=True,
            StoppingCondition={"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
            CheckpointConfig={"S3Uri": f"s3://{jobs.bucket}/{prefix}"},
        )
        wait_for_checkpoint(jobs, prefix)
        post_fault(jobs, {"kind": "spot_interruption", "job": broken})
        description = finish(jobs, broken)
        states = [item["Status"] for item in description["SecondaryStatusTransitions"]]
        assert states.count("Interrupted") == 1
        assert weights(jobs, broken) == weights(jobs, whole)
        assert description["BillableTimeInSeconds"] < description["TrainingTimeInSeconds"]
