"""SageMaker's own Python SDK (v3) as the client: ModelTrainer with this repository's training folder."""

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.sdk_programs import sdk_variables

ROOT = Path(__file__).parents[5]
TIMEOUT_S = 300
TRAIN = """
import json, logging, sys
import boto3
logging.basicConfig(level=logging.INFO)
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.shapes import OutputDataConfig, StoppingCondition
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, MetricDefinition, SourceCode

order = json.loads(sys.stdin.read())
trainer = ModelTrainer(
    sagemaker_session=Session(boto_session=boto3.Session(), default_bucket=order["bucket"]),
    role=order["role"],
    base_job_name=order["name"],
    training_image="763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:latest",
    source_code=SourceCode(
        source_dir=order["source_dir"], entry_script="train.py", requirements=order["requirements"]
    ),
    compute=Compute(instance_type="ml.m5.xlarge", instance_count=2, volume_size_in_gb=10),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{order['bucket']}/jobs"),
    hyperparameters=order["hyperparameters"],
).with_metric_definitions(
    [MetricDefinition(name=item["Name"], regex=item["Regex"]) for item in order["metrics"]]
)
channels = [InputData(channel_name=name, data_source=uri) for name, uri in order["channels"].items()]
trainer.train(input_data_config=channels, wait=True, logs=True)
print("JOB", trainer._latest_training_job.training_job_name)
"""


def make_role(jobs: Any) -> str:
    """Make a role with the actions that the SDK checks before it trains; return its ARN."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    actions = [
        "ecr:GetAuthorizationToken",
        "cloudwatch:PutMetricData",
        "ec2:*NetworkInterface*",
        "ec2:Describe*",
    ]
    allowed = {"Effect": "Allow", "Action": [*actions, "s3:*"], "Resource": "*"}
    iam, name = jobs.client("iam"), f"trainer-{uuid.uuid4().hex[:8]}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(policy(trust)))
    iam.put_role_policy(RoleName=name, PolicyName="train", PolicyDocument=json.dumps(policy(allowed)))
    return str(role["Role"]["Arn"])


def policy(statement: dict[str, Any]) -> dict[str, Any]:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": [statement]}


def train(jobs: Any, folder: Path, **order: Any) -> "subprocess.CompletedProcess[str]":
    """Train by ModelTrainer in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", TRAIN],
        input=json.dumps(order | {"bucket": jobs.bucket, "role": make_role(jobs)}),
        env=sdk_variables(jobs.url, folder),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S + 60)
def test_the_model_trainer_trains_this_repositorys_digits_on_two_hosts(
    jobs: Any, stage_digits: Any, tmp_path: Path
) -> None:
    done = train(
        jobs,
        tmp_path,
        name=f"trainer-{uuid.uuid4().hex[:8]}",
        source_dir=str(ROOT / "training"),
        requirements="requirements.txt",
        hyperparameters={
            "architecture": "small_cnn",
            "image_size": 16,
            "epochs": 3,
            "batch_size": 64,
            "learning_rate": 0.003,
        },
        metrics=json.loads((ROOT / "training" / "metric_definitions.json").read_text()),
        channels=stage_digits(jobs),
    )
    output = done.stdout + done.stderr
    if not jobs.has_views:
        assert "namespace" in output
        return
    assert done.returncode == 0, output[-6000:]
    name = done.stdout.rpartition("JOB ")[2].strip()
    description = jobs.describe(name)
    assert description["TrainingJobStatus"] == "Completed"
    metrics = {item["MetricName"]: item["Value"] for item in description["FinalMetricDataList"]}
    assert metrics["test:accuracy"] > 0.8
    files = jobs.outputs(name)
    assert "model.tar.gz" in files
    assert "Training Container Execution Completed" in output  # the SDK has read the log streams
    history = json.loads(jobs.artifact(name, "output.tar.gz")["history.json"])
    assert {host["host"] for host in history["hosts"]} == {"algo-1", "algo-2"}
