"""Refuse a request that cannot run, before anything starts and in AWS's words.

Constraints: API_CreateTrainingJob and the shapes it names.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from moto.sagemaker.exceptions import AWSValidationException

from localaws.sagemaker.buckets import check_bucket, check_objects, parse_uri
from localaws.sagemaker.roles import check_role
from localaws.sagemaker.training import hyperparameters as hp
from localaws.sagemaker.training.spec import (
    DEFAULT_CHECKPOINT_PATH,
    DEFAULT_MAX_RUNTIME_S,
    TrainingSpec,
)
from localaws.sagemaker.wording import constraint

NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9])*"
MAX_NAME = 63
CHANNEL_NAME = r"[A-Za-z0-9\.\-_]+"
MAX_CHANNELS = 20
ROLE_ARN = r"arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"
MAX_HYPERPARAMETERS = 100
MAX_HYPERPARAMETER = 2500
MAX_METRICS = 40
RESERVED_FOLDERS = ("input", "model", "output", "code")
"""Folders of /opt/ml that checkpoints must not go to."""


def check_name(name: str) -> None:
    """Refuse a job name that AWS refuses."""
    if len(name) > MAX_NAME:
        raise constraint(name, "trainingJobName", f"have length less than or equal to {MAX_NAME}")
    if not re.fullmatch(NAME, name):
        raise constraint(name, "trainingJobName", f"satisfy regular expression pattern: ^{NAME}$")


def check_request(request: Mapping[str, Any]) -> None:
    """Check the members' presence and bounds (names as moto's backend spells them)."""
    for member in ("algorithm_specification", "role_arn", "output_data_config", "resource_config"):
        if not request.get(member):
            name = "".join(word.title() for word in member.split("_"))
            raise AWSValidationException(f"{name} is required to create a training job.")
    if not re.fullmatch(ROLE_ARN, request["role_arn"]):
        raise constraint(request["role_arn"], "roleArn", f"satisfy regular expression pattern: ^{ROLE_ARN}$")
    _check_algorithm(request["algorithm_specification"])
    _check_resources(request["resource_config"])
    is_spot = bool(request.get("enable_managed_spot_training"))
    _check_stopping(request.get("stopping_condition") or {}, is_spot=is_spot)
    check_checkpoints(request.get("checkpoint_config") or {})
    _check_hyperparameters(request.get("hyper_parameters") or {})
    _check_channels(request.get("input_data_config") or [])
    _check_output(request["output_data_config"])


def _check_algorithm(algorithm: Mapping[str, Any]) -> None:
    if bool(algorithm.get("TrainingImage")) == bool(algorithm.get("AlgorithmName")):
        raise AWSValidationException(
            "AlgorithmSpecification must have either an AlgorithmName or a TrainingImage, and not both."
        )
    if algorithm.get("TrainingInputMode") not in ("File", "FastFile"):
        raise constraint(
            algorithm.get("TrainingInputMode"),
            "algorithmSpecification.trainingInputMode",
            "satisfy enum value set: [File, FastFile] (localaws has no Pipe mode)",
        )
    check_metrics(algorithm.get("MetricDefinitions") or [])


def check_metrics(metrics: Sequence[Mapping[str, Any]]) -> None:
    """Refuse MetricDefinitions that are too many, or no regular expressions."""
    if len(metrics) > MAX_METRICS:
        raise constraint(
            f"{len(metrics)} definitions",
            "algorithmSpecification.metricDefinitions",
            f"have length less than or equal to {MAX_METRICS}",
        )
    for metric in metrics:
        try:
            re.compile(metric["Regex"])
        except re.error as error:
            raise AWSValidationException(
                f"Invalid regular expression {metric['Regex']!r} of metric {metric['Name']!r}: {error}"
            ) from error


def _check_resources(resources: Mapping[str, Any]) -> None:
    if resources.get("InstanceGroups"):
        raise AWSValidationException(
            "ResourceConfig.InstanceGroups: localaws runs homogeneous clusters only."
        )
    count = resources.get("InstanceCount")
    if count is None or count < 1:
        raise constraint(count, "resourceConfig.instanceCount", "have value greater than or equal to 1")
    if not resources.get("InstanceType"):
        raise constraint("null", "resourceConfig.instanceType", "not be null")
    volume = resources.get("VolumeSizeInGB")
    if volume is not None and volume < 1:
        raise constraint(volume, "resourceConfig.volumeSizeInGB", "have value greater than or equal to 1")


def _check_stopping(condition: Mapping[str, Any], *, is_spot: bool) -> None:
    runtime, wait = condition.get("MaxRuntimeInSeconds"), condition.get("MaxWaitTimeInSeconds")
    for name, value in (("maxRuntimeInSeconds", runtime), ("maxWaitTimeInSeconds", wait)):
        if value is not None and value < 1:
            raise constraint(value, f"stoppingCondition.{name}", "have value greater than or equal to 1")
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
    parse_uri(config.get("S3Uri") or "null", member="checkpointConfig.s3Uri")
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


def _check_hyperparameters(values: Mapping[str, str]) -> None:
    if len(values) > MAX_HYPERPARAMETERS:
        raise constraint(
            f"{len(values)} entries",
            "hyperParameters",
            f"have length less than or equal to {MAX_HYPERPARAMETERS}",
        )
    _check_launchers(values)
    for name, value in values.items():
        if len(value) > MAX_HYPERPARAMETER:
            raise constraint(
                value[:40] + "...",
                f"hyperParameters.{name}.member",
                f"have length less than or equal to {MAX_HYPERPARAMETER}",
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
    if len(names) > MAX_CHANNELS:
        raise constraint(
            f"{len(names)} channels", "inputDataConfig", f"have length less than or equal to {MAX_CHANNELS}"
        )
    for name in names:
        if not re.fullmatch(CHANNEL_NAME, name) or name in (".", ".."):
            raise constraint(
                name, "inputDataConfig.channelName", f"satisfy regular expression pattern: {CHANNEL_NAME}"
            )
        if names.count(name) > 1:
            raise AWSValidationException(f"Channel names must be unique within a training job: {name}")
    for channel in channels:
        _check_source(channel)


def _check_source(channel: Mapping[str, Any]) -> None:
    source = channel.get("DataSource", {}).get("S3DataSource")
    if source is None:
        raise AWSValidationException(
            f"Channel {channel['ChannelName']}: localaws has data sources in S3 only."
        )
    member = "inputDataConfig.dataSource.s3DataSource"
    if source.get("S3DataType") not in ("S3Prefix", "ManifestFile"):
        rule = "satisfy enum value set: [S3Prefix, ManifestFile]"
        raise constraint(source.get("S3DataType"), f"{member}.s3DataType", rule)
    if (source.get("S3DataDistributionType") or "FullyReplicated") not in (
        "FullyReplicated",
        "ShardedByS3Key",
    ):
        rule = "satisfy enum value set: [FullyReplicated, ShardedByS3Key]"
        raise constraint(source["S3DataDistributionType"], f"{member}.s3DataDistributionType", rule)
    if channel.get("InputMode") not in (None, "File", "FastFile"):
        rule = "satisfy enum value set: [File, FastFile] (localaws has no Pipe mode)"
        raise constraint(channel["InputMode"], "inputDataConfig.inputMode", rule)


def _check_output(output: Mapping[str, Any]) -> None:
    if (output.get("CompressionType") or "GZIP") not in ("GZIP", "NONE"):
        rule = "satisfy enum value set: [GZIP, NONE]"
        raise constraint(output["CompressionType"], "outputDataConfig.compressionType", rule)


def check_account(spec: TrainingSpec) -> None:
    """Refuse a role that cannot be assumed, inputs without objects and output buckets that are missing."""
    check_role(spec.role_arn)
    for channel in spec.channels:
        check_objects(channel, account_id=spec.account_id, region=spec.region, role_arn=spec.role_arn)
    check_bucket(spec.output_path, member="OutputDataConfig.S3OutputPath")
    if spec.checkpoints is not None:
        check_bucket(spec.checkpoints.uri, member="CheckpointConfig.S3Uri")
