"""Refuse a processing job that cannot run, before anything starts and in AWS's words where they are known."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from moto.sagemaker.exceptions import AWSValidationException

from localaws.sagemaker.buckets import check_bucket, check_objects
from localaws.sagemaker.processing.spec import ProcessingSpec, moved_inputs, moved_outputs
from localaws.sagemaker.roles import check_role

FOLDER = PurePosixPath("/opt/ml/processing")


def check_request(request: Mapping[str, Any]) -> None:
    """Refuse what localaws does not have, and paths that the platform must not write to."""
    resources = request["ProcessingResources"]["ClusterConfig"]
    if resources.get("InstanceType") is None or resources.get("InstanceCount") is None:
        raise AWSValidationException(
            "ProcessingResources.ClusterConfig: localaws needs InstanceType and InstanceCount, and has no "
            "InstancePreferences."
        )
    for item in moved_inputs(request):
        _check_input(item)
    for item in moved_outputs(request):
        if not item.get("S3Output"):
            raise AWSValidationException(f"Output {item['OutputName']}: localaws has outputs in S3 only.")
        _check_path(item["S3Output"].get("LocalPath"), name=f"Output {item['OutputName']}")


def _check_input(item: Mapping[str, Any]) -> None:
    name, source = f"Input {item['InputName']}", item.get("S3Input")
    if not source or item.get("DatasetDefinition"):
        raise AWSValidationException(f"{name}: localaws has inputs in S3 only, and no DatasetDefinition.")
    if source.get("S3InputMode", "File") != "File" or source.get("S3CompressionType", "None") != "None":
        raise AWSValidationException(f"{name}: localaws has S3InputMode File without compression only.")
    _check_path(source.get("LocalPath"), name=name)


def _check_path(path: str | None, *, name: str) -> None:
    pure = PurePosixPath(path or "")
    if not pure.is_relative_to(FOLDER) or pure == FOLDER or ".." in pure.parts:
        raise AWSValidationException(f"{name}: LocalPath {path!r} must be a folder below {FOLDER}.")


def check_account(spec: ProcessingSpec) -> None:
    """Refuse a role that cannot be assumed, inputs without objects, and output buckets that are missing."""
    check_role(spec.role_arn)
    for item in spec.inputs:
        check_objects(item.channel, account_id=spec.account_id, region=spec.region, role_arn=spec.role_arn)
    for output in spec.outputs:
        check_bucket(output.uri, member="ProcessingOutputConfig.Outputs.S3Output.S3Uri")
