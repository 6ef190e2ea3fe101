"""Refuse a job that cannot run, before anything starts.

What the service's model says of members has been checked before (`localaws.wire`).
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import regex
from moto.sagemaker.exceptions import AWSValidationException

from localaws.sagemaker.buckets import check_bucket, check_objects, parse_uri
from localaws.sagemaker.roles import check_role
from localaws.sagemaker.training import hyperparameters as hp
from localaws.sagemaker.training.metrics import MetricPattern
from localaws.sagemaker.training.spec import (
    DEFAULT_CHECKPOINT_PATH,
    DEFAULT_MAX_RUNTIME_S,
    TrainingSpec,
)
from localaws.sagemaker.wording import constraint
from localaws.wire.wording import NOT_NULL, value_at_least

RESERVED_FOLDERS = ("input", "model", "output", "code")
"""Folders of /opt/ml that checkpoints must not go to."""


def check_request(request: Mapping[str, Any]) -> None:
    """Check what the service's model cannot know (names as moto's backend spells them)."""
    for member in ("algorithm_specification", "resource_config"):
        if not request.get(member):
            name = "".join(word.title() for word in member.split("_"))
            raise AWSValidationException(f"{name} is required to create a training job.")
    _check_algorithm(request["algorithm_specification"])
    _check_resources(request["resource_config"])
    is_spot = bool(request.get("enable_managed_spot_training"))
    _check_stopping(request.get("stopping_condition") or {}, is_spot=is_spot)
    check_checkpoints(request.get("checkpoint_config") or {})
    _check_launchers(request.get("hyper_parameters") or {})
    _check_channels(request.get("input_data_config") or [])


def _check_algorithm(algorithm: Mapping[str, Any]) -> None:
    if bool(algorithm.get("TrainingImage")) == bool(algorithm.get("AlgorithmName")):
        raise AWSValidationException(
            "AlgorithmSpecification must have either an AlgorithmName or a TrainingImage, and not both."
        )
    if algorithm.get("TrainingInputMode") not in ("File", "FastFile"):
        raise AWSValidationException("AlgorithmSpecification.TrainingInputMode: localaws has no Pipe mode.")
    check_metrics(algorithm.get("MetricDefinitions") or [])


def check_metrics(metrics: Sequence[Mapping[str, Any]]) -> None:
    """Refuse MetricDefinitions that are no regular expressions."""
    for metric in metrics:
        try:
            MetricPattern(metric["Regex"])
        except regex.error as error:
            raise AWSValidationException(
                f"Invalid regular expression {metric['Regex']!r} of metric {metric['Name']!r}: {error}"
            ) from error


def _check_resources(resources: Mapping[str, Any]) -> None:
    if resources.get("InstanceGroups"):
        raise AWSValidationException(
            "ResourceConfig.InstanceGroups: localaws runs homogeneous clusters only."
        )
    if resources.get("KeepAlivePeriodInSeconds"):
        raise AWSValidationException(
            "ResourceConfig.KeepAlivePeriodInSeconds: localaws keeps no warm pools, as its instances start "
            "at once. Leave it out."
        )
    for member in ("InstanceCount", "InstanceType"):
        if resources.get(member) is None:
            place = f"resourceConfig.{member[0].lower()}{member[1:]}"
            raise constraint(value=None, member=place, rule=NOT_NULL)
    count = resources["InstanceCount"]
    if count < 1:
        raise constraint(value=count, member="resourceConfig.instanceCount", rule=value_at_least(1))


def _check_stopping(condition: Mapping[str, Any], *, is_spot: bool) -> None:
    runtime, wait = condition.get("MaxRuntimeInSeconds"), condition.get("MaxWaitTimeInSeconds")
    if wait is not None and not is_spot:
        raise AWSValidationException(
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
        )
    if is_spot and (wait is None or wait < (runtime or DEFAULT_MAX_RUNTIME_S)):
        raise AWSValidationException(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
            "MaxRuntimeInSeconds"
        )


def check_checkpoints(config: Mapping[str, Any]) -> None:
    """Refuse a CheckpointConfig whose S3Uri is none, or whose LocalPath is not free."""
    if not config:
        return
    parse_uri(config["S3Uri"], member="checkpointConfig.s3Uri")
    path = config.get("LocalPath")
    if path is None:
        return
    pure = PurePosixPath(path)
    taken = [PurePosixPath("/opt/ml", name) for name in RESERVED_FOLDERS]
    if any(pure == name or pure.is_relative_to(name) for name in taken) or pure == PurePosixPath("/opt/ml"):
        raise AWSValidationException(
            f"CheckpointConfig.LocalPath {path!r} is a folder that SageMaker itself uses; choose another, "
            f"such as {DEFAULT_CHECKPOINT_PATH}."
        )
    if not pure.is_relative_to("/opt/ml") or ".." in pure.parts:
        raise AWSValidationException(
            f"CheckpointConfig.LocalPath {path!r}: localaws keeps checkpoints below /opt/ml only."
        )


def _check_launchers(values: Mapping[str, str]) -> None:
    decoded = hp.decode(values)
    for name in hp.OTHER_LAUNCHERS:
        if hp.is_enabled(decoded, name):
            raise AWSValidationException(
                f"HyperParameters: localaws has no launcher for {name}: a script starts once on each host, "
                f"or by torchrun ({hp.TORCH_DISTRIBUTED})."
            )


def _check_channels(channels: list[Mapping[str, Any]]) -> None:
    names = [channel["ChannelName"] for channel in channels]
    for name in names:
        if name in (".", ".."):
            raise AWSValidationException(f"A channel's name becomes a folder's name, and cannot be {name!r}.")
        if names.count(name) > 1:
            raise AWSValidationException(f"Channel names must be unique within a training job: {name}")
    for channel in channels:
        _check_source(channel)


def _check_source(channel: Mapping[str, Any]) -> None:
    """Refuse data that are not in S3, and what is for Pipe mode only (API_Channel, API_S3DataSource)."""
    title, source = f"Channel {channel['ChannelName']}", channel.get("DataSource", {}).get("S3DataSource")
    if source is None:
        raise AWSValidationException(f"{title}: localaws has data sources in S3 only.")
    if channel.get("InputMode") not in (None, "File", "FastFile"):
        raise AWSValidationException(f"{title}: localaws has no Pipe mode.")
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise AWSValidationException(
            f"{title}: localaws has no S3DataType {source['S3DataType']}; it has S3Prefix and ManifestFile."
        )
    for member in ("CompressionType", "RecordWrapperType"):
        if channel.get(member) not in (None, "None"):
            raise AWSValidationException(
                f"{title}: {member} {channel[member]} is for Pipe mode, which localaws does not have. "
                "Leave it out."
            )


def check_account(spec: TrainingSpec) -> None:
    """Refuse a role that cannot be assumed, inputs without objects and output buckets that are missing."""
    check_role(spec.role_arn)
    for channel in spec.channels:
        check_objects(channel, account_id=spec.account_id, region=spec.region, role_arn=spec.role_arn)
    check_bucket(spec.output_path, member="OutputDataConfig.S3OutputPath")
    if spec.checkpoints is not None:
        check_bucket(spec.checkpoints.uri, member="CheckpointConfig.S3Uri")
