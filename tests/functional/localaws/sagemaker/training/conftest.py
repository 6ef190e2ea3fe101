"""Training jobs made of tiny scripts, and what they leave behind."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.archives import pack
from tests.namespaces import has_namespaces
from tests.sagemaker_jobs import list_streams, read_stream, wait_end, wait_until
from tests.sagemaker_role import ensure_role

ROOT = Path(__file__).parents[5]
GROUP = "/aws/sagemaker/TrainingJobs"
WAIT_S = 60.0


class Jobs:
    """Create jobs in one localaws, wait for them, and read what they left."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.s3 = self.client("s3")
        self.sagemaker = self.client("sagemaker")
        self.logs = self.client("logs")
        self.role = ensure_role(self.client("iam"), "training-tests")
        self.bucket = f"training-{uuid.uuid4().hex[:12]}"
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

    @property
    def has_views(self) -> bool:
        """Whether hosts get a view of their own on this machine."""
        return has_namespaces()

    def children(self) -> list[dict[str, Any]]:
        """Return the child processes that localaws has now."""
        with urllib.request.urlopen(f"{self.url}/_localaws/health", timeout=10) as answer:
            return list(json.load(answer)["children"])

    def put(self, prefix: str, files: dict[str, str]) -> str:
        """Put files below a prefix; return its URI."""
        for name, text in files.items():
            self.s3.put_object(Bucket=self.bucket, Key=prefix + name, Body=text.encode())
        return f"s3://{self.bucket}/{prefix}"

    def put_source(self, files: dict[str, str]) -> str:
        """Upload a source archive; return its URI."""
        key = f"code/{uuid.uuid4().hex}/sourcedir.tar.gz"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=pack(files))
        return f"s3://{self.bucket}/{key}"

    def channel(
        self, name: str, uri: str, *, sharded: bool = False, kind: str = "S3Prefix"
    ) -> dict[str, Any]:
        """Return a member of InputDataConfig."""
        distribution = "ShardedByS3Key" if sharded else "FullyReplicated"
        source = {"S3DataType": kind, "S3Uri": uri, "S3DataDistributionType": distribution}
        return {"ChannelName": name, "DataSource": {"S3DataSource": source}}

    def request(self, script: str = "", **options: Any) -> dict[str, Any]:
        """Return a request; see the body for the options, of which `more` is merged into it."""
        program = options.get("program", "train.py")
        source = self.put_source(options.get("files") or {program: script})
        request = {
            "TrainingJobName": options.get("name") or f"job-{uuid.uuid4().hex[:10]}",
            "RoleArn": self.role,
            "AlgorithmSpecification": {
                "TrainingImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2",
                "TrainingInputMode": "File",
                "MetricDefinitions": options.get("metrics") or [],
            },
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/jobs"},
            "ResourceConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": options.get("hosts", 1),
                "VolumeSizeInGB": 5,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": options.get("seconds", 600)},
            "HyperParameters": {"sagemaker_program": program, "sagemaker_submit_directory": source}
            | (options.get("hyperparameters") or {}),
        }
        if options.get("channels"):
            request["InputDataConfig"] = options["channels"]
        return request | (options.get("more") or {})

    def create(self, script: str = "", **options: Any) -> str:
        """Create a job; return its name."""
        request = self.request(script, **options)
        self.sagemaker.create_training_job(**request)
        return str(request["TrainingJobName"])

    def describe(self, name: str) -> dict[str, Any]:
        """Describe a job."""
        return dict(self.sagemaker.describe_training_job(TrainingJobName=name))

    def wait(self, name: str, *, timeout_s: float = WAIT_S) -> dict[str, Any]:
        """Wait for the end; return the description."""
        return wait_end(
            lambda: self.describe(name),
            status="TrainingJobStatus",
            timeout_s=timeout_s,
            tell=lambda: self.lines(name),
        )

    def run(self, script: str = "", **options: Any) -> dict[str, Any]:
        """Create a job and wait for its end."""
        return self.wait(self.create(script, **options))

    def streams(self, name: str) -> list[str]:
        """Return the names of the job's log streams."""
        return list_streams(self.logs, group=GROUP, prefix=f"{name}/")

    def lines(self, name: str, host: str = "algo-1") -> list[str]:
        """Return one host's log so far."""
        return read_stream(self.logs, group=GROUP, prefix=f"{name}/{host}-")

    def wait_for_state(self, name: str, state: str) -> None:
        """Wait until a job has gone into a secondary status."""
        wait_until(
            lambda: self.describe(name)["SecondaryStatus"] == state,
            timeout_s=WAIT_S,
            describe=lambda: self.describe(name),
        )

    def wait_for_line(self, name: str, line: str, host: str = "algo-1") -> None:
        """Wait until a host has printed a line."""
        wait_until(
            lambda: line in self.lines(name, host), timeout_s=WAIT_S, describe=lambda: self.describe(name)
        )

    def artifact(self, name: str, archive: str) -> dict[str, str]:
        """Return the files of an uploaded archive."""
        key = f"jobs/{name}/output/{archive}"
        body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as unpacked:
            return {
                member.name: (unpacked.extractfile(member) or io.BytesIO()).read().decode()
                for member in unpacked.getmembers()
            }

    def outputs(self, name: str) -> list[str]:
        """Return the names of what a job uploaded."""
        prefix = f"jobs/{name}/output/"
        answer = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return sorted(item["Key"].removeprefix(prefix) for item in answer.get("Contents", []))


@pytest.fixture(scope="module")
def jobs(localaws: Any) -> Jobs:
    """Return jobs in the shared localaws."""
    return Jobs(localaws.url)


@contextlib.contextmanager
def serve(
    *options: str, launcher: Sequence[str] = (), **variables: str
) -> Generator[tuple[Jobs, "subprocess.Popen[str]"], None, None]:
    """Run a localaws of one's own, by a launcher and with more environment variables, and stop it."""
    argv = [*launcher, sys.executable, "-m", "localaws", "serve", "--port", "0", *options]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ | variables)
    assert process.stdout is not None
    with process.stdout:
        yield Jobs(process.stdout.readline().split()[-1]), process
        process.terminate()
        assert process.wait(timeout=20) == 0


@pytest.fixture(scope="session")
def serve_jobs() -> Any:
    """Return the function that runs a localaws of one's own."""
    return serve


@pytest.fixture(scope="module")
def fast_jobs() -> Generator[Jobs, None, None]:
    """Yield jobs in a localaws where a minute of AWS lasts a second."""
    with serve("--speed", "60") as (jobs, _):
        yield jobs


@pytest.fixture(scope="session")
def stage_digits() -> Any:
    """Return a function that stages scikit-learn's digits in a bucket of jobs: channel name -> S3 URI."""

    def stage_in(jobs: Jobs) -> dict[str, str]:
        from musher.datasets.s3_connection import S3Connection
        from musher.datasets.staging import stage

        session = boto3.Session("test", "test", region_name="us-east-1")
        s3 = S3Connection(client=session.client("s3", endpoint_url=jobs.url), session=session)
        staged = stage(s3=s3, bucket=jobs.bucket, prefix="staged", source="digits")
        return {
            "train": staged["train_uri"],
            "valid": staged["valid_uri"],
            "test": staged["test_uri"],
            "manifest": staged["manifest_uri"],
        }

    return stage_in


def call_faults(jobs: Jobs, method: str, rule: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    """Speak to the fault rules of a localaws; return status and answer."""
    body = None if rule is None else json.dumps(rule).encode()
    request = urllib.request.Request(f"{jobs.url}/_localaws/faults", data=body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.fixture(scope="session")
def faults() -> Any:
    """Return the function that speaks to fault rules: faults(jobs, method, rule)."""
    return call_faults


@pytest.fixture(scope="session")
def post_fault() -> Any:
    """Return a function that posts a fault rule, which must be accepted, and returns it."""

    def post(jobs: Jobs, rule: dict[str, Any]) -> dict[str, Any]:
        status, answer = call_faults(jobs, "POST", rule)
        assert status == 201, answer
        return answer

    return post
