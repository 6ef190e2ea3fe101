"""Build CreateProcessingJob's request for the job that sends a load.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from musher import names
from musher.payloads.security import output_key, volume_key, vpc_config
from musher.payloads.tags import as_list
from musher.settings import Settings

FOLDER = "/opt/ml/processing"
CODE, ORDER = "code", "order"
"""Inputs by their names, each in a folder of its own; what reads and writes them is musher.traffic.job."""
ARCHIVE = "traffic.zip"

VOLUME_GB = 30

SPARE_S = 900
"""Seconds that the job may take beside the load: for packages that its image lacks, and last answers."""


@dataclass(frozen=True, kw_only=True)
class LoadJobPlan:
    """Hold what distinguishes one load job from another."""

    job_name: str
    code_uri: str
    order_uri: str
    instance_type: str
    load_s: int
    tags: Mapping[str, str]


def build_load_job(settings: Settings, *, plan: LoadJobPlan) -> dict[str, Any]:
    """Return the request; the job works as the role of jobs, which may invoke the project's endpoints."""
    network = {"NetworkConfig": vpc_config(settings)} if settings.subnets else {}
    return {
        "ProcessingJobName": plan.job_name,
        "RoleArn": names.role_arn(settings, role="sagemaker"),
        "AppSpecification": {
            "ImageUri": settings.training_image_for(instance_type=plan.instance_type),
            "ContainerEntrypoint": ["python", f"{FOLDER}/input/{CODE}/{ARCHIVE}"],
        },
        "Environment": {"AWS_DEFAULT_REGION": settings.region, "PYTHONUNBUFFERED": "1"},
        "ProcessingInputs": [_input(CODE, plan.code_uri), _input(ORDER, plan.order_uri)],
        "ProcessingOutputConfig": {"Outputs": [_output(settings, plan.job_name)], **output_key(settings)},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": plan.instance_type,
                "InstanceCount": 1,
                "VolumeSizeInGB": VOLUME_GB,
                **volume_key(settings),
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": plan.load_s + SPARE_S},
        **network,
        "Tags": as_list(dict(plan.tags)),
    }


def rename_processing_job(request: Mapping[str, Any], *, job_name: str) -> dict[str, Any]:
    """Return the same request under another name, with a folder of its own for what it measures."""
    config = request["ProcessingOutputConfig"]
    [output] = config["Outputs"]
    target = output["S3Output"]
    uri = target["S3Uri"].replace(f"/{request['ProcessingJobName']}/", f"/{job_name}/")
    return {
        **request,
        "ProcessingJobName": job_name,
        "ProcessingOutputConfig": {
            **config,
            "Outputs": [{**output, "S3Output": {**target, "S3Uri": uri}}],
        },
    }


def _input(name: str, uri: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{FOLDER}/input/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }


def _output(settings: Settings, job_name: str) -> dict[str, Any]:
    """Return where the result goes: continuously, as that of a job that is stopped would stay behind."""
    folder = f"{names.jobs_prefix(settings)}/{job_name}/output/"
    return {
        "OutputName": "measured",
        "S3Output": {
            "S3Uri": names.s3_uri(settings, key=folder),
            "LocalPath": f"{FOLDER}/output",
            "S3UploadMode": "Continuous",
        },
    }
