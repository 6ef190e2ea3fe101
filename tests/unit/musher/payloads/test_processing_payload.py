"""The request of the processing job that sends a load."""

import dataclasses
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from musher.operators.processing import RESULT as OPERATORS_RESULT
from musher.payloads.processing import LoadJobPlan, build_load_job, rename_processing_job
from musher.settings import Settings
from musher.traffic import job

SETTINGS = Settings(account_id="123456789012")
FOLDER = "s3://musher-123456789012-us-east-1/musher/jobs"
PLAN = LoadJobPlan(
    job_name="musher-load-0123abcd",
    code_uri="s3://b/musher/code/89ab/traffic.zip",
    order_uri="s3://b/musher/jobs/musher-load-0123abcd/input/89ab/order.json",
    instance_type="ml.c5.xlarge",
    load_s=60,
    tags={"musher:project": "musher"},
)


def flaws(request: dict[str, Any]) -> list[str]:
    """Return what botocore finds wrong with a request."""
    model = ServiceModel(Loader().load_service_model("sagemaker", "service-2"))
    shape = model.operation_model("CreateProcessingJob").input_shape
    report = ParamValidator().validate(request, shape)
    return [report.generate_report()] if report.has_errors() else []


def test_one_instance_runs_the_load_generator_as_the_role_of_jobs() -> None:
    request = build_load_job(SETTINGS, plan=PLAN)
    assert flaws(request) == []
    assert request["RoleArn"].endswith(":role/musher-sagemaker")
    assert ":2.10.0-cpu-py313" in request["AppSpecification"]["ImageUri"]
    cluster = request["ProcessingResources"]["ClusterConfig"]
    assert (cluster["InstanceType"], cluster["InstanceCount"]) == ("ml.c5.xlarge", 1)
    assert request["StoppingCondition"]["MaxRuntimeInSeconds"] > 60 + 300, "the load, and pip's own limit"
    assert request["Environment"]["AWS_DEFAULT_REGION"] == "us-east-1"
    assert request["Tags"] == [{"Key": "musher:project", "Value": "musher"}]
    assert "NetworkConfig" not in request


def test_the_job_finds_its_inputs_and_leaves_its_result_where_the_program_looks() -> None:
    request = build_load_job(SETTINGS, plan=PLAN)
    inputs = {item["InputName"]: item["S3Input"] for item in request["ProcessingInputs"]}
    assert (inputs["code"]["S3Uri"], inputs["order"]["S3Uri"]) == (PLAN.code_uri, PLAN.order_uri)
    [word, program] = request["AppSpecification"]["ContainerEntrypoint"]
    assert (word, program) == ("python", f"{inputs['code']['LocalPath']}/traffic.zip")
    assert str(job.FOLDER / job.ORDER) == f"{inputs['order']['LocalPath']}/order.json"
    [output] = request["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"]["S3Uri"] == f"{FOLDER}/musher-load-0123abcd/output/"
    assert str(job.FOLDER / job.RESULT) == f"{output['S3Output']['LocalPath']}/{OPERATORS_RESULT}"


def test_an_installation_s_vpc_keys_and_image_count() -> None:
    keys = {name: f"arn:aws:kms:us-east-1:123456789012:alias/{name}" for name in ("out", "disks")}
    settings = dataclasses.replace(
        SETTINGS,
        output_kms_key=keys["out"],
        volume_kms_key=keys["disks"],
        subnets=("subnet-0123456789abcdef0",),
        security_groups=("sg-0123456789abcdef0",),
        training_image="registry/own:1",
    )
    request = build_load_job(settings, plan=PLAN)
    assert flaws(request) == []
    assert request["AppSpecification"]["ImageUri"] == "registry/own:1"
    assert request["ProcessingOutputConfig"]["KmsKeyId"] == keys["out"]
    assert request["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == keys["disks"]
    assert request["NetworkConfig"]["VpcConfig"]["Subnets"] == ["subnet-0123456789abcdef0"]


def test_each_attempt_has_a_folder_of_its_own_and_reads_the_same() -> None:
    request = build_load_job(SETTINGS, plan=PLAN)
    again = rename_processing_job(request, job_name="musher-load-0123abcd-2")
    [output] = again["ProcessingOutputConfig"]["Outputs"]
    assert again["ProcessingJobName"] == "musher-load-0123abcd-2"
    assert output["S3Output"]["S3Uri"] == f"{FOLDER}/musher-load-0123abcd-2/output/"
    assert again["ProcessingInputs"] == request["ProcessingInputs"]
