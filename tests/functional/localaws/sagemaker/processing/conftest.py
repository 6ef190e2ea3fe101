"""Processing jobs made of tiny scripts, and what they leave behind."""

import uuid
from typing import Any

import pytest

from tests.sagemaker_jobs import read_stream, wait_end, wait_until
from tests.sagemaker_role import ensure_role

GROUP = "/aws/sagemaker/ProcessingJobs"
WAIT_S = 120.0


class Processing:
    """Create jobs in one AWS, wait for them, and read what they left."""

    def __init__(self, aws: Any) -> None:
        self.s3, self.sagemaker, self.logs = (aws.client(name) for name in ("s3", "sagemaker", "logs"))
        self.role = ensure_role(aws.client("iam"), "processing-tests")
        self.bucket = f"processing-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)

    def put(self, prefix: str, files: dict[str, str]) -> str:
        """Put files below a prefix; return its URI."""
        for name, text in files.items():
            self.s3.put_object(Bucket=self.bucket, Key=prefix + name, Body=text.encode())
        return f"s3://{self.bucket}/{prefix}"

    def input(self, name: str, uri: str, *, sharded: bool = False) -> dict[str, Any]:
        """Return a member of ProcessingInputs, below /opt/ml/processing/input."""
        source = {
            "S3Uri": uri,
            "LocalPath": f"/opt/ml/processing/input/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "ShardedByS3Key" if sharded else "FullyReplicated",
        }
        return {"InputName": name, "S3Input": source}

    def output(self, name: str, mode: str = "EndOfJob") -> dict[str, Any]:
        """Return a member of Outputs, of /opt/ml/processing/NAME."""
        target = {
            "S3Uri": f"s3://{self.bucket}/out/{name}",
            "LocalPath": f"/opt/ml/processing/{name}",
            "S3UploadMode": mode,
        }
        return {"OutputName": name, "S3Output": target}

    def request(self, script: str = "pass", *, hosts: int = 1, **more: Any) -> dict[str, Any]:
        """Return a request that runs a script from S3, as the SDK's ScriptProcessor sends it."""
        name = f"processing-{uuid.uuid4().hex[:10]}"
        code = self.input("code", self.put(f"{name}/", {"script.py": script}) + "script.py")
        command = ["python3", "-u", "/opt/ml/processing/input/code/script.py"]
        return {
            "ProcessingJobName": name,
            "RoleArn": self.role,
            "AppSpecification": {"ImageUri": "image:1", "ContainerEntrypoint": command},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": hosts, "VolumeSizeInGB": 5}
            },
            "ProcessingInputs": [code, *more.pop("inputs", [])],
            "ProcessingOutputConfig": {"Outputs": more.pop("outputs", [])},
        } | more

    def create(self, script: str = "pass", **options: Any) -> str:
        """Create a job; return its name."""
        request = self.request(script, **options)
        self.sagemaker.create_processing_job(**request)
        return str(request["ProcessingJobName"])

    def describe(self, name: str) -> dict[str, Any]:
        """Describe a job."""
        return dict(self.sagemaker.describe_processing_job(ProcessingJobName=name))

    def wait(self, name: str) -> dict[str, Any]:
        """Wait for the end; return the description."""
        return wait_end(
            lambda: self.describe(name),
            status="ProcessingJobStatus",
            timeout_s=WAIT_S,
            tell=lambda: self.lines(name),
        )

    def lines(self, name: str, host: str = "algo-1") -> list[str]:
        """Return one host's log so far."""
        return read_stream(self.logs, group=GROUP, prefix=f"{name}/{host}-")

    def wait_for_line(self, name: str, line: str) -> None:
        """Wait until the first host has said something."""
        wait_until(lambda: line in self.lines(name), timeout_s=WAIT_S, describe=lambda: self.describe(name))

    def outputs(self) -> dict[str, str]:
        """Return what lies below out/."""
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="out/").get("Contents", [])
        return {
            item["Key"][4:]: self.s3.get_object(Bucket=self.bucket, Key=item["Key"])["Body"].read().decode()
            for item in found
        }


@pytest.fixture
def processing(localaws: Any) -> Processing:
    """Return processing jobs in the shared localaws, with a bucket of the test's own."""
    return Processing(localaws)


@pytest.fixture
def fast_processing(fast_localaws: Any) -> Processing:
    """Return processing jobs where time flies."""
    return Processing(fast_localaws)


@pytest.fixture
def processing_of() -> type[Processing]:
    """Return what makes processing jobs in any AWS."""
    return Processing
