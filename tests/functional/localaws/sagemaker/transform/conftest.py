"""Transform jobs over tiny models, and what they leave behind."""

import uuid
from typing import Any

import pytest

from tests.archives import pack
from tests.sagemaker_jobs import read_stream, wait_end
from tests.sagemaker_role import ensure_role

WAIT_S = 120.0
MODEL = """
import json, os, time


def model_fn(model_dir):
    return os.environ.get("GREETING", "")


def transform_fn(model, body, content_type, accept):
    text = body
    if text.startswith("bad"):
        raise ValueError("no such record")
    if text.startswith("slow"):
        time.sleep(600)
    if text.startswith("see"):
        batch = os.environ["SAGEMAKER_BATCH"]
        return json.dumps({"type": content_type, "batch": batch, "env": model}), accept
    return "\\n".join(line.upper() for line in text.splitlines()), accept
"""


class Transforms:
    """Create jobs in one AWS, wait for them, and read what they left."""

    def __init__(self, aws: Any) -> None:
        self.s3, self.sagemaker, self.logs = (aws.client(name) for name in ("s3", "sagemaker", "logs"))
        self.role = ensure_role(aws.client("iam"), "transform-tests")
        self.bucket = f"transform-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.model = self.create_model(MODEL)

    def create_model(self, code: str) -> str:
        """Create a model of an inference.py; return its name."""
        name = f"model-{uuid.uuid4().hex[:8]}"
        self.s3.put_object(Bucket=self.bucket, Key=f"{name}.tar.gz", Body=pack({"code/inference.py": code}))
        container = {"Image": "image:1", "ModelDataUrl": f"s3://{self.bucket}/{name}.tar.gz"}
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer=container)
        return name

    def put(self, files: dict[str, bytes]) -> None:
        """Put files below in/."""
        for name, content in files.items():
            self.s3.put_object(Bucket=self.bucket, Key=f"in/{name}", Body=content)

    def request(self, *, source: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """Return a request for everything below in/."""
        place = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/in/"}}
        output = {"S3OutputPath": f"s3://{self.bucket}/out"} | more.pop("output", {})
        return {
            "TransformJobName": f"transform-{uuid.uuid4().hex[:10]}",
            "ModelName": self.model,
            "TransformInput": {"DataSource": place, "ContentType": "text/csv"} | (source or {}),
            "TransformOutput": output,
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        } | more

    def create(self, **options: Any) -> str:
        """Create a job; return its name."""
        request = self.request(**options)
        self.sagemaker.create_transform_job(**request)
        return str(request["TransformJobName"])

    def describe(self, name: str) -> dict[str, Any]:
        """Describe a job."""
        return dict(self.sagemaker.describe_transform_job(TransformJobName=name))

    def wait(self, name: str) -> dict[str, Any]:
        """Wait for the end; return the description."""
        return wait_end(lambda: self.describe(name), status="TransformJobStatus", timeout_s=WAIT_S)

    def run(self, **options: Any) -> dict[str, Any]:
        """Create a job and wait for its end."""
        return self.wait(self.create(**options))

    def outputs(self) -> dict[str, bytes]:
        """Return what lies below out/."""
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="out/").get("Contents", [])
        keys = [item["Key"] for item in found]
        return {key[4:]: self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    def data_log(self, name: str) -> str:
        """Return what the platform logged of the job's data."""
        group = "/aws/sagemaker/TransformJobs"
        return "\n".join(read_stream(self.logs, group=group, prefix=f"{name}/", suffix="data-log"))


@pytest.fixture
def transforms(localaws: Any) -> Transforms:
    """Return transform jobs in the shared localaws, with a bucket of the test's own."""
    return Transforms(localaws)


@pytest.fixture
def transforms_of() -> type[Transforms]:
    """Return what makes transform jobs in any AWS."""
    return Transforms
