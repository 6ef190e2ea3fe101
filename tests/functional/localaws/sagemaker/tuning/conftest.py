"""Tuning jobs over tiny scripts, and what is said of them."""

import contextlib
import subprocess
import sys
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.archives import pack
from tests.sagemaker_jobs import wait_end, wait_until
from tests.sagemaker_role import ensure_role

ROOT = Path(__file__).parents[5]
WAIT_S = 90.0

BOWL = """
import sys
values = {name.lstrip("-"): value for name, value in zip(sys.argv[1::2], sys.argv[2::2])}
x, y = float(values.get("x", 0)), float(values.get("y", 0))
print(f"loss={(x - 0.3) ** 2 + (y - 0.7) ** 2};", flush=True)
"""
"""A smooth bowl whose lowest point, 0, is at x = 0.3, y = 0.7."""


def continuous(name: str, low: str, high: str, scale: str = "Linear") -> dict[str, str]:
    """Return a member of ContinuousParameterRanges."""
    return {"Name": name, "MinValue": low, "MaxValue": high, "ScalingType": scale}


UNIT_SQUARE = {"ContinuousParameterRanges": [continuous("x", "0", "1"), continuous("y", "0", "1")]}


class Tunings:
    """Create tuning jobs in one localaws, wait for them, and read what they say."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.s3 = self.client("s3")
        self.sagemaker = self.client("sagemaker")
        self.role = ensure_role(self.client("iam"), "tuning-tests")
        self.bucket = f"tuning-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)

    def client(self, service: str) -> Any:
        """Return a client with made-up credentials."""
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def put_source(self, script: str) -> str:
        """Upload a source archive with train.py; return its URI."""
        key = f"code/{uuid.uuid4().hex}/sourcedir.tar.gz"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=pack({"train.py": script}))
        return f"s3://{self.bucket}/{key}"

    def put_data(self, text: str = "1,2\n") -> str:
        """Upload an input file; return its prefix."""
        prefix = f"data/{uuid.uuid4().hex}"
        self.s3.put_object(Bucket=self.bucket, Key=f"{prefix}/data.csv", Body=text.encode())
        return f"s3://{self.bucket}/{prefix}"

    def config(self, **options: Any) -> dict[str, Any]:
        """Return HyperParameterTuningJobConfig; `config` is merged into it."""
        limits = {"MaxParallelTrainingJobs": options.get("parallel", 2)}
        if options.get("jobs", 4) is not None:
            limits["MaxNumberOfTrainingJobs"] = options.get("jobs", 4)
        return {
            "Strategy": options.get("strategy", "Random"),
            "HyperParameterTuningJobObjective": {
                "Type": options.get("type", "Minimize"),
                "MetricName": options.get("metric", "loss"),
            },
            "ResourceLimits": limits,
            "ParameterRanges": options.get("ranges", UNIT_SQUARE),
            "RandomSeed": options.get("seed", 7),
        } | (options.get("config") or {})

    def definition(self, script: str = BOWL, **options: Any) -> dict[str, Any]:
        """Return TrainingJobDefinition; `definition` is merged into it."""
        static = {"sagemaker_program": "train.py", "sagemaker_submit_directory": self.put_source(script)}
        return {
            "StaticHyperParameters": static | (options.get("static") or {}),
            "AlgorithmSpecification": {
                "TrainingImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2",
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([-+0-9.e]+);"}],
            },
            "RoleArn": self.role,
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/jobs"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        } | (options.get("definition") or {})

    def request(self, script: str = BOWL, **options: Any) -> dict[str, Any]:
        """Return a request; `more` is merged into it."""
        return {
            "HyperParameterTuningJobName": options.get("name") or f"tune-{uuid.uuid4().hex[:10]}",
            "HyperParameterTuningJobConfig": self.config(**options),
            "TrainingJobDefinition": self.definition(script, **options),
        } | (options.get("more") or {})

    def create(self, script: str = BOWL, **options: Any) -> str:
        """Create a tuning job; return its name."""
        request = self.request(script, **options)
        self.sagemaker.create_hyper_parameter_tuning_job(**request)
        return str(request["HyperParameterTuningJobName"])

    def describe(self, name: str) -> dict[str, Any]:
        """Describe a tuning job."""
        return dict(self.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name))

    def trials(self, name: str, **filters: Any) -> list[dict[str, Any]]:
        """Return all training jobs of a tuning job, page by page."""
        pages = self.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
        found = pages.paginate(HyperParameterTuningJobName=name, **filters)
        return [trial for page in found for trial in page["TrainingJobSummaries"]]

    def wait(self, name: str) -> dict[str, Any]:
        """Wait for the end; return the description."""
        return wait_end(
            lambda: self.describe(name),
            status="HyperParameterTuningJobStatus",
            timeout_s=WAIT_S,
            tell=lambda: self.trials(name),
        )

    def run(self, script: str = BOWL, **options: Any) -> dict[str, Any]:
        """Create a tuning job and wait for its end."""
        return self.wait(self.create(script, **options))

    def wait_for_trials(self, name: str, count: int, status: str = "InProgress") -> None:
        """Wait until a tuning job has this many training jobs in a status."""
        wait_until(
            lambda: len(self.trials(name, StatusEquals=status)) >= count,
            timeout_s=WAIT_S,
            describe=lambda: self.describe(name),
        )


@pytest.fixture(scope="module")
def tunings(localaws: Any) -> Tunings:
    """Return tuning jobs in the shared localaws."""
    return Tunings(localaws.url)


@contextlib.contextmanager
def serve(*options: str) -> Generator[tuple[Tunings, "subprocess.Popen[str]"], None, None]:
    """Run a localaws of one's own, and stop it."""
    argv = [sys.executable, "-m", "localaws", "serve", "--port", "0", *options]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        yield Tunings(process.stdout.readline().split()[-1]), process
        if process.poll() is None:
            process.terminate()
        assert process.wait(timeout=20) == 0


@pytest.fixture
def serve_tunings() -> Any:
    """Return the function that runs a localaws of one's own."""
    return serve


@pytest.fixture(scope="module")
def fast_tunings() -> Generator[Tunings, None, None]:
    """Yield tuning jobs in a localaws where a minute of AWS lasts a second."""
    with serve("--speed", "60") as (tunings, _):
        yield tunings
