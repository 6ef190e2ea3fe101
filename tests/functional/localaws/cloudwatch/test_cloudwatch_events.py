"""Metrics that real requests, functions and jobs leave, as AWS names them."""

import io
import json
import tarfile
import time
import zipfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sagemaker_role import ensure_role

SERVE = Path(__file__).parents[1] / "sagemaker" / "endpoints" / "serve_sample.py"
BUCKET = "cloudwatch-events"
ENDPOINT = {"EndpointName": "watched", "VariantName": "AllTraffic"}
ROLE_ARN = "arn:aws:iam::123456789012:role/cloudwatch-events"


def pack(name: str, text: str) -> bytes:
    """Return a tar.gz of one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(text.encode())
        tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def upload(watched: Any, key: str, body: bytes) -> str:
    """Put an object; return its URI."""
    s3 = watched.server.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return f"s3://{BUCKET}/{key}"


@pytest.fixture(scope="module")
def endpoint(watched: Any) -> Generator[Any, None, None]:
    """Yield a sagemaker-runtime client of a localaws with the endpoint `watched`."""
    sagemaker = watched.server.client("sagemaker")
    uri = upload(watched, "model.tar.gz", pack("code/serve.py", SERVE.read_text()))
    container = {"Image": "image", "ModelDataUrl": uri}
    sagemaker.create_model(ModelName="watched", ExecutionRoleArn=ROLE_ARN, PrimaryContainer=container)
    variant = {"VariantName": "AllTraffic", "ModelName": "watched", "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName="watched",
        ProductionVariants=[variant | {"InitialInstanceCount": 1, "InitialVariantWeight": 1.0}],
    )
    sagemaker.create_endpoint(EndpointName="watched", EndpointConfigName="watched")
    deadline = time.monotonic() + 60
    while sagemaker.describe_endpoint(EndpointName="watched")["EndpointStatus"] == "Creating":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield watched.server.client("sagemaker-runtime")
    sagemaker.delete_endpoint(EndpointName="watched")


def test_requests_of_an_endpoint_are_counted(watched: Any, endpoint: Any) -> None:
    for body in (b"a", b"b"):
        endpoint.invoke_endpoint(EndpointName="watched", Body=body)
    with pytest.raises(ClientError, match="ModelError"):
        endpoint.invoke_endpoint(EndpointName="watched", Body=b"status 500")
    names = ("Invocations", "Invocation5XXErrors", "Invocation4XXErrors", "InvocationModelErrors")
    found = [watched.statistic("AWS/SageMaker", name, ENDPOINT) for name in names]
    assert found == [3, 1, 0, 1]
    assert watched.statistic("AWS/SageMaker", "InvocationsPerInstance", ENDPOINT) == 3
    for name in ("ModelLatency", "OverheadLatency"):
        assert watched.statistic("AWS/SageMaker", name, ENDPOINT, stat="Average") > 0


def test_a_minute_without_a_request_is_zero(watched: Any, endpoint: Any) -> None:
    name = watched.put_alarm(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[{"Name": key, "Value": value} for key, value in ENDPOINT.items()],
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
    )
    assert "[0.0 (" in watched.wait_state(name, "ALARM")["StateReason"]


def test_an_instance_s_processor_and_memory_are_read(watched: Any, endpoint: Any) -> None:
    memory = watched.wait_statistic("/aws/sagemaker/Endpoints", "MemoryUtilization", ENDPOINT, stat="Average")
    assert 0 < memory < 100
    assert watched.statistic("/aws/sagemaker/Endpoints", "CPUUtilization", ENDPOINT, stat="Average") >= 0


CODE = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("as asked")
    return 1
"""


@pytest.fixture(scope="module")
def function(watched: Any) -> str:
    """Return a function that does as it is told, with the alias `live`."""
    iam, lam = watched.server.client("iam"), watched.server.client("lambda")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = iam.create_role(RoleName="counted", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", CODE)
    lam.create_function(
        FunctionName="counted",
        Runtime="python3.11",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": buffer.getvalue()},
    )
    lam.get_waiter("function_active_v2").wait(FunctionName="counted")
    version = lam.publish_version(FunctionName="counted")["Version"]
    lam.create_alias(FunctionName="counted", Name="live", FunctionVersion=version)
    lam.get_waiter("function_active_v2").wait(FunctionName="counted", Qualifier="live")
    return "counted"


def test_invocations_errors_and_throttles_of_a_function(watched: Any, function: str) -> None:
    lam = watched.server.client("lambda")
    lam.invoke(FunctionName=function, Payload=b"{}")
    lam.invoke(FunctionName=function, Qualifier="live", Payload=b'{"fail": true}')
    lam.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="Rate Exceeded"):
        lam.invoke(FunctionName=function, Payload=b"{}")
    lam.delete_function_concurrency(FunctionName=function)
    own, by_alias = {"FunctionName": function}, {"FunctionName": function, "Resource": f"{function}:live"}
    names = ("Invocations", "Errors", "Throttles")
    assert [watched.statistic("AWS/Lambda", name, own) for name in names] == [2, 1, 1]
    assert [watched.statistic("AWS/Lambda", name, by_alias) for name in names] == [1, 1, 0]
    assert watched.statistic("AWS/Lambda", "Duration", own, stat="Maximum") > 0
    assert watched.statistic("AWS/Lambda", "ConcurrentExecutions", own, stat="Maximum") == 1
    assert watched.statistic("AWS/Lambda", "UnreservedConcurrentExecutions", {}, stat="Maximum") == 1


SCRIPT = """
import time
for number in range(1, 4):
    print(f"loss: {number / 10}", flush=True)
end = time.monotonic() + 2.5
while time.monotonic() < end:
    pass
"""


def test_metrics_of_a_training_job(watched: Any) -> None:
    sagemaker, job = watched.server.client("sagemaker"), "watched-job"
    source = upload(watched, "source.tar.gz", pack("train.py", SCRIPT))
    sagemaker.create_training_job(
        TrainingJobName=job,
        RoleArn=ensure_role(watched.server.client("iam"), "cloudwatch-events"),
        AlgorithmSpecification={
            "TrainingImage": "image",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss: ([0-9.]+)"}],
        },
        HyperParameters={
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(source),
        },
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName=job, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    by_job, by_host = {"TrainingJobName": job}, {"Host": f"{job}/algo-1"}
    namespace = "/aws/sagemaker/TrainingJobs"
    assert watched.statistic(namespace, "loss", by_job, stat="Maximum") == 0.3
    assert watched.statistic(namespace, "loss", by_job, stat="SampleCount") == 3
    assert watched.wait_statistic(namespace, "CPUUtilization", by_host, stat="Maximum") > 0
    assert watched.wait_statistic(namespace, "MemoryUtilization", by_host, stat="Maximum") > 0
