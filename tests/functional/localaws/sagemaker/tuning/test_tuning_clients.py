"""Tuning jobs through the clients that people use: the awscli, Airflow's provider, the SageMaker SDK."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

OPERATOR = """
import json, sys
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTuningOperator
config = json.loads(sys.stdin.read())
operator = SageMakerTuningOperator(
    task_id="tune", config=config, check_interval=1, max_ingestion_time=60, deferrable=False
)
print("ANSWER " + json.dumps(operator.execute({})["Tuning"], default=str))
"""

SDK = """
import json, os, sys
import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter
from sagemaker.core.shapes import OutputDataConfig, StoppingCondition
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode
from sagemaker.train.tuner import HyperparameterTuner
given = json.loads(sys.stdin.read())
session = Session(boto_session=boto3.Session(region_name="us-east-1"), default_bucket=given["bucket"])
trainer = ModelTrainer(
    sagemaker_session=session,
    role=given["role"],
    training_image="123456789012.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2",
    source_code=SourceCode(source_dir=given["source_dir"], entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=5),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{given['bucket']}/jobs"),
    hyperparameters={"epochs": 1},
)
tuner = HyperparameterTuner(
    model_trainer=trainer,
    objective_metric_name="loss",
    metric_definitions=[{"Name": "loss", "Regex": "loss=([-+0-9.e]+);"}],
    hyperparameter_ranges={
        "rate": ContinuousParameter(0.001, 0.1, scaling_type="Logarithmic"),
        "size": CategoricalParameter([32, 64]),
    },
    objective_type="Minimize",
    max_jobs=3,
    max_parallel_jobs=2,
    strategy="Bayesian",
)
inputs = [InputData(channel_name="train", data_source=given["data"])]
tuner.tune(inputs=inputs, job_name=given["name"], wait=True)
print("ANSWER " + json.dumps({"best": tuner.best_training_job()}))
"""

SCRIPT = """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--size", type=int)
parser.add_argument("--epochs", type=int)
arguments = parser.parse_args()
assert os.path.isfile(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "data.csv"))
print(f"loss={arguments.rate * arguments.size};")
"""


def answer_of(program: list[str], *, given: Any, env: dict[str, str]) -> dict[str, Any]:
    """Run a client with JSON on its standard input; return the JSON after its word ANSWER."""
    done = subprocess.run(
        program, input=json.dumps(given), env=env, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    answers = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    return dict(json.loads(answers[-1].removeprefix("ANSWER ")))


def environment(tunings: Any, **more: str) -> dict[str, str]:
    """Return the environment of a client on this machine."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    return {"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": tunings.url} | keys | more


def test_the_awscli_creates_lists_and_describes(tunings: Any, tmp_path: Path) -> None:
    request = tunings.request(jobs=2)
    name = request["HyperParameterTuningJobName"]
    (tmp_path / "request.json").write_text(json.dumps(request))
    program = str(Path(sys.executable).with_name("aws"))

    def aws(*arguments: str) -> Any:
        done = subprocess.run(
            [program, "sagemaker", *arguments],
            env=environment(tunings),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return json.loads(done.stdout)

    created = aws("create-hyper-parameter-tuning-job", "--cli-input-json", f"file://{tmp_path}/request.json")
    assert created["HyperParameterTuningJobArn"].endswith(f":hyper-parameter-tuning-job/{name}")
    tunings.wait(name)
    option = ("--hyper-parameter-tuning-job-name", name)
    described = aws("describe-hyper-parameter-tuning-job", *option)
    assert described["HyperParameterTuningJobStatus"] == "Completed"
    listed = aws(
        "list-training-jobs-for-hyper-parameter-tuning-job",
        *option,
        "--sort-by",
        "FinalObjectiveMetricValue",
    )
    best = listed["TrainingJobSummaries"][0]
    assert best["TrainingJobName"] == described["BestTrainingJob"]["TrainingJobName"]


@pytest.mark.parametrize(("script", "status"), [(SCRIPT, "Completed"), ("raise SystemExit(1)", "Failed")])
def test_the_airflow_operator_runs_a_tuning_job(
    tunings: Any, tmp_path: Path, script: str, status: str
) -> None:
    source = {"S3DataType": "S3Prefix", "S3Uri": tunings.put_data()}
    ranges = {
        "ContinuousParameterRanges": [{"Name": "rate", "MinValue": "0.1", "MaxValue": "0.2"}],
        "CategoricalParameterRanges": [{"Name": "size", "Values": ['"32"', '"64"']}],
    }
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
    request = tunings.request(script, jobs=2, ranges=ranges, definition={"InputDataConfig": [channel]})
    connection = {
        "conn_type": "aws",
        "login": "test",
        "password": "test",
        "extra": {"region_name": "us-east-1", "endpoint_url": tunings.url},
    }
    env = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
    }
    program = [sys.executable, "-c", OPERATOR]
    if status == "Failed":
        with pytest.raises(AssertionError, match="All training jobs failed"):
            answer_of(program, given=request, env=env)
        return
    tuning = answer_of(program, given=request, env=env)
    assert tuning["HyperParameterTuningJobStatus"] == "Completed"
    assert tuning["BestTrainingJob"]["TunedHyperParameters"]["size"] in ('"32"', '"64"')


def test_the_sagemaker_sdk_tunes(tunings: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text(SCRIPT)
    name = f"sdk-{tunings.bucket[-10:]}"
    given = {
        "bucket": tunings.bucket,
        "role": "arn:aws:iam::123456789012:role/tuning-tests",
        "source_dir": str(source),
        "data": tunings.put_data(),
        "name": name,
    }
    # The SDK would simulate the role's policies (IAM SimulatePrincipalPolicy, which localaws does not have).
    env = environment(tunings, HOME=str(tmp_path), SAGEMAKER_VALIDATE_ROLE="false")
    best = answer_of([sys.executable, "-c", SDK], given=given, env=env)["best"]
    description = tunings.describe(name)
    assert description["HyperParameterTuningJobStatus"] == "Completed"
    assert description["TrainingJobStatusCounters"]["Completed"] == 3
    assert description["BestTrainingJob"]["TrainingJobName"] == best
    assert description["BestTrainingJob"]["TunedHyperParameters"]["size"] in ('"32"', '"64"', "32", "64")
