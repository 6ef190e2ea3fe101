"""HTTPS: clients that trust the certificate, and children that are told of it."""

import json
import os
import ssl
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import SSLError

from tests.functional.localaws.ec2.conftest import Instances
from tests.namespaces import has_namespaces
from tests.sagemaker_role import ensure_role

ROOT = Path(__file__).parents[3]
TIMEOUT_S = 60
LISTS = """
import boto3, os, ssl, urllib.error, urllib.request
print(boto3.client("sts").get_caller_identity()["Arn"].split("/")[1])
print([item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket=os.environ["BUCKET"])["Contents"]])
print(urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_localaws/health").status)
plain = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"].partition("/_localaws")[0]
try:
    urllib.request.urlopen(plain + "/_localaws/health")
except urllib.error.HTTPError as error:
    print(plain.startswith("http://127.0.0.1:"), error.code)
print(len(ssl.create_default_context().get_ca_certs()) > 20)
"""


class Secure:
    """A localaws that serves HTTPS."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self.url = process.stdout.readline().removeprefix("localaws ready ").strip()
        self.authority = process.stdout.readline().removeprefix("localaws certificate ").strip()

    def client(self, service: str, **options: Any) -> Any:
        """Return a client that trusts the authority."""
        return boto3.client(
            service,
            **{"endpoint_url": self.url, "verify": self.authority} | options,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@pytest.fixture(scope="module")
def secure() -> Generator[Secure, None, None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "localaws", "serve", "--port", "0", "--tls"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield Secure(process)
    process.terminate()  # while clients keep their connections
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, errors) == (0, "")


def test_boto3_trusts_the_authority_and_no_other(secure: Secure) -> None:
    assert secure.url.startswith("https://127.0.0.1:")
    assert secure.client("sts").get_caller_identity()["Account"] == "123456789012"
    by_name = secure.url.replace("127.0.0.1", "localhost")
    assert secure.client("sts", endpoint_url=by_name).get_caller_identity()["Account"] == "123456789012"
    with pytest.raises(SSLError):
        secure.client("sts", verify=True).get_caller_identity()


def test_what_a_client_sends_in_chunks_arrives(secure: Secure) -> None:
    """Over HTTPS, SDKs do: the checksum follows the body."""
    s3 = secure.client("s3")
    s3.create_bucket(Bucket="chunks")
    s3.put_object(Bucket="chunks", Key="key", Body=b"body" * 100_000)
    assert s3.get_object(Bucket="chunks", Key="key")["Body"].read() == b"body" * 100_000


def test_the_awscli_trusts_the_authority(secure: Secure) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("aws")), "sts", "get-caller-identity"],
        env={
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": secure.url,
            "AWS_CA_BUNDLE": secure.authority,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        capture_output=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    assert json.loads(done.stdout)["Account"] == "123456789012"


def test_a_bucket_has_a_name_of_its_own_that_a_strict_client_accepts(secure: Secure) -> None:
    """As Python 3.13 has it by default: RFC 5280 to the letter."""
    secure.client("s3").create_bucket(Bucket="virtual")
    context = ssl.create_default_context(cafile=secure.authority)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    port = secure.url.rpartition(":")[2]
    request = urllib.request.Request(secure.url, headers={"Host": f"virtual.s3.localhost:{port}"})
    with urllib.request.urlopen(request, context=context, timeout=TIMEOUT_S) as answer:
        assert b"<Name>virtual</Name>" in answer.read()


def test_a_training_job_lists_its_bucket(secure: Secure) -> None:
    """Its credentials alone come by plain HTTP over loopback, as SDKs heed no CA bundle there."""
    s3, sagemaker, bucket = secure.client("s3"), secure.client("sagemaker"), f"tls-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="code/train.py", Body=LISTS.encode())
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/code"}}
    sagemaker.create_training_job(
        TrainingJobName=bucket,
        RoleArn=ensure_role(secure.client("iam"), "training-tests"),
        AlgorithmSpecification={"TrainingImage": "image:1", "TrainingInputMode": "File"},
        HyperParameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "/opt/ml/input/data/code",
        },
        InputDataConfig=[{"ChannelName": "code", "DataSource": source}],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 300},
        Environment={"BUCKET": bucket},
    )
    deadline = time.monotonic() + TIMEOUT_S
    while (job := sagemaker.describe_training_job(TrainingJobName=bucket))["TrainingJobStatus"] in (
        "InProgress",
        "Stopping",
    ):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert job["TrainingJobStatus"] == "Completed", job
    logs, group = secure.client("logs"), "/aws/sagemaker/TrainingJobs"
    (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    assert [event["message"] for event in events] == [
        "training-tests",
        "['code/train.py']",
        "200",
        "True 404",
        "True",
    ]


@pytest.mark.skipif(not has_namespaces(), reason="instances need namespaces")
def test_an_instance_trusts_the_authority(secure: Secure) -> None:
    boxes = Instances(secure)
    instance_id = boxes.run(f"#!/bin/sh\necho $AWS_ENDPOINT_URL | {boxes.put('address')}\npoweroff\n")
    boxes.wait(instance_id, "stopped")
    assert boxes.read("address").strip() == secure.url
    boxes.end(instance_id)
