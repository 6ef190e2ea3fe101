"""CPUUtilization and MemoryUtilization of processing and transform jobs, while they run."""

import uuid
from collections.abc import Generator
from typing import Any

import pytest

from tests.archives import pack
from tests.sagemaker_role import ensure_role

BUSY = ["sh", "-c", "while :; do sleep 0.02; done"]
MODEL = """
import time


def model_fn(model_dir):
    return None


def transform_fn(model, body, content_type, accept):
    end = time.monotonic() + 600
    while time.monotonic() < end:
        sum(range(100_000)); time.sleep(0.005)
"""


@pytest.fixture(scope="module")
def sagemaker(watched: Any) -> Any:
    return watched.server.client("sagemaker")


@pytest.fixture(scope="module")
def bucket(watched: Any) -> str:
    """Return a bucket with a script, a model and an input."""
    name = f"jobs-{uuid.uuid4().hex[:10]}"
    s3, model = watched.server.client("s3"), pack({"code/inference.py": MODEL})
    s3.create_bucket(Bucket=name)
    for key, body in {"model.tar.gz": model, "in/a.csv": b"1"}.items():
        s3.put_object(Bucket=name, Key=key, Body=body)
    return name


@pytest.fixture
def role(watched: Any) -> str:
    return ensure_role(watched.server.client("iam"), "cloudwatch-jobs")


@pytest.fixture
def processing_job(sagemaker: Any, role: str) -> Generator[str, None, None]:
    """Yield a processing job that computes until it is stopped."""
    name = f"processing-{uuid.uuid4().hex[:8]}"
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=role,
        AppSpecification={"ImageUri": "image:1", "ContainerEntrypoint": BUSY},
        ProcessingResources={"ClusterConfig": cluster},
    )
    yield name
    sagemaker.stop_processing_job(ProcessingJobName=name)


@pytest.fixture
def transform_job(sagemaker: Any, role: str, bucket: str) -> Generator[str, None, None]:
    """Yield a transform job whose model computes until the job is stopped."""
    name = f"transform-{uuid.uuid4().hex[:8]}"
    container = {"Image": "image:1", "ModelDataUrl": f"s3://{bucket}/model.tar.gz"}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/in/"}}
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=name,
        TransformInput={"DataSource": source, "ContentType": "text/csv"},
        TransformOutput={"S3OutputPath": f"s3://{bucket}/out"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        ModelClientConfig={"InvocationsTimeoutInSeconds": 3600},
    )
    yield name
    sagemaker.stop_transform_job(TransformJobName=name)


def hosts_of(watched: Any, namespace: str, job: str) -> list[str]:
    """Return the values of the dimension Host that a job's processor time is kept by."""
    listed = watched.cloudwatch.list_metrics(Namespace=namespace, MetricName="CPUUtilization")["Metrics"]
    hosts = [dimension["Value"] for metric in listed for dimension in metric["Dimensions"]]
    return sorted(host for host in hosts if host.startswith(f"{job}/"))


def check_busy(watched: Any, namespace: str, host: str) -> None:
    """Hold both metrics of an instance that computes against what they can be."""
    dimensions = {"Host": host}
    assert watched.wait_statistic(namespace, "CPUUtilization", dimensions, stat="Maximum") > 0
    memory = watched.wait_statistic(namespace, "MemoryUtilization", dimensions, stat="Maximum")
    assert 0 < memory < 100


def test_each_host_of_a_processing_job_is_measured(watched: Any, processing_job: str) -> None:
    namespace = "/aws/sagemaker/ProcessingJobs"
    for host in ("algo-1", "algo-2"):
        check_busy(watched, namespace, f"{processing_job}/{host}")
    wanted = [f"{processing_job}/algo-1", f"{processing_job}/algo-2"]
    assert hosts_of(watched, namespace, processing_job) == wanted


def test_the_container_of_a_transform_job_is_measured(watched: Any, transform_job: str) -> None:
    namespace = "/aws/sagemaker/TransformJobs"
    watched.wait_for(lambda: hosts_of(watched, namespace, transform_job), what="nothing is measured")
    (host,) = hosts_of(watched, namespace, transform_job)
    check_busy(watched, namespace, host)
