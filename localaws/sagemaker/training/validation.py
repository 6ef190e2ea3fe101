"""Refuse a job that cannot run, before anything starts.

What the service's model says of members has been checked before (`localaws.wire`).
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from moto.s3.models import FakeDeleteMarker, s3_backends
from moto.sagemaker.exceptions import AWSValidationException

from localaws.errors import StorageError
from localaws.sagemaker.training.spec import (
    DEFAULT_CHECKPOINT_PATH,
    DEFAULT_MAX_RUNTIME_S,
    Channel,
    TrainingSpec,
)
from localaws.sagemaker.wording import constraint
from localaws.storage import S3Uri
from localaws.wire.wording import NOT_NULL, matches, value_at_least

S3_URI = "(https|s3)://([^/]+)/?(.*)"
"""AWS's pattern of addresses in S3; localaws takes those that begin with s3:// only."""
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
        raise constraint(value=count, member="resourceConfig.instanceCount", rule=value_at_least(1))
    if not resources.get("InstanceType"):
        raise constraint(value=None, member="resourceConfig.instanceType", rule=NOT_NULL)
    volume = resources.get("VolumeSizeInGB")
    if volume is not None and volume < 1:
        raise constraint(value=volume, member="resourceConfig.volumeSizeInGB", rule=value_at_least(1))


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
    _parse(config["S3Uri"], member="checkpointConfig.s3Uri")
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
    source = channel.get("DataSource", {}).get("S3DataSource")
    if source is None:
        raise AWSValidationException(
            f"Channel {channel['ChannelName']}: localaws has data sources in S3 only."
        )
    if channel.get("InputMode") not in (None, "File", "FastFile"):
        raise AWSValidationException(f"Channel {channel['ChannelName']}: localaws has no Pipe mode.")


def check_storage(spec: TrainingSpec) -> None:
    """Refuse inputs without objects and an output bucket that is missing.

    AWS checks the same when the job is created. moto's state is read directly: this runs in a request, and a
    request that waits for another one could find no free thread.
    """
    for channel in spec.channels:
        if not _has_objects(channel, account_id=spec.account_id):
            raise _no_objects(channel, spec=spec)
    uris = [("OutputDataConfig.S3OutputPath", spec.output_path)]
    if spec.checkpoints is not None:
        uris.append(("CheckpointConfig.S3Uri", spec.checkpoints.uri))
    for name, uri in uris:
        bucket = _parse(uri, member=name[0].lower() + name[1:]).bucket
        if bucket not in s3_backends.bucket_accounts:
            raise AWSValidationException(f"The S3 bucket {bucket!r} of {name} {uri!r} does not exist.")


def _parse(uri: str, *, member: str) -> S3Uri:
    try:
        return S3Uri.parse(uri)
    except StorageError as error:
        raise constraint(value=uri, member=member, rule=matches(S3_URI)) from error


def _has_objects(channel: Channel, *, account_id: str) -> bool:
    uri = _parse(channel.uri, member="inputDataConfig.dataSource.s3DataSource.s3Uri")
    partition, owner = s3_backends.bucket_accounts.get(uri.bucket, ("aws", account_id))
    bucket = s3_backends[owner][partition].buckets.get(uri.bucket)
    if bucket is None:
        return False
    if channel.data_type == "ManifestFile":
        return uri.key in bucket.keys and not isinstance(bucket.keys[uri.key], FakeDeleteMarker)
    return any(
        key.startswith(uri.key)
        and not key.endswith("/")
        and not isinstance(bucket.keys[key], FakeDeleteMarker)
        for key in list(bucket.keys)
    )


def _no_objects(channel: Channel, *, spec: TrainingSpec) -> AWSValidationException:
    bucket = S3Uri.parse(channel.uri).bucket
    kind = "manifest file" if channel.data_type == "ManifestFile" else "input data source"
    return AWSValidationException(
        f'No S3 objects found under S3 URL "{channel.uri}" given in {kind}. Please ensure that the bucket '
        f"exists in the selected region ({spec.region}), that objects exist under that S3 prefix, and that "
        f'the role "{spec.role_arn}" has "s3:ListBucket" permissions on bucket "{bucket}".'
    )
