"""Build CreateTrainingJob requests in script mode.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from musher import names
from musher.errors import PayloadError
from musher.payloads.tags import as_list
from musher.settings import Settings

PROGRAM = "train.py"
CONTAINER_LOG_LEVEL = 20
"""logging.INFO, as the SageMaker training toolkit reads it."""

VOLUME_GB = 30
MAX_INSTANCES = 8
MAX_RUNTIME_S = 5 * 24 * 3600
"""SageMaker's own limit for MaxRuntimeInSeconds is 28 days; nobody should get there by a typing error."""

MAX_HYPERPARAMETERS = 100
MAX_HYPERPARAMETER_CHARACTERS = 2500
RESERVED_PREFIX = "sagemaker_"


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """Hold what distinguishes one training job from another.

    `channels` maps a channel's name to its S3 prefix; `hyperparameters` are the options of train.py.
    """

    job_name: str
    source_uri: str
    channels: Mapping[str, str]
    hyperparameters: Mapping[str, object]
    instance_type: str
    instance_count: int
    max_runtime_s: int
    metric_definitions: Sequence[Mapping[str, str]]
    tags: Mapping[str, str]


def build_training_job(settings: Settings, *, plan: TrainingPlan) -> dict[str, Any]:
    """Return the CreateTrainingJob request; raise PayloadError where AWS would refuse it."""
    _check_bounds(plan)
    return {
        "TrainingJobName": plan.job_name,
        "RoleArn": names.role_arn(settings, role="sagemaker"),
        "AlgorithmSpecification": {
            "TrainingImage": settings.training_image_for(instance_type=plan.instance_type),
            "TrainingInputMode": "File",
            "MetricDefinitions": [dict(definition) for definition in plan.metric_definitions],
        },
        "HyperParameters": build_hyperparameters(settings, plan=plan),
        "InputDataConfig": [_channel(name, uri) for name, uri in plan.channels.items()],
        "OutputDataConfig": {"S3OutputPath": names.s3_uri(settings, key=names.jobs_prefix(settings))},
        "ResourceConfig": {
            "InstanceType": plan.instance_type,
            "InstanceCount": plan.instance_count,
            "VolumeSizeInGB": VOLUME_GB,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": plan.max_runtime_s},
        "Tags": as_list(dict(plan.tags)),
    }


def build_hyperparameters(settings: Settings, *, plan: TrainingPlan) -> dict[str, str]:
    """Return the script's options and script mode's own five, all as strings."""
    hyperparameters = {name: as_text(value) for name, value in plan.hyperparameters.items()}
    _check_hyperparameters(hyperparameters)
    return {
        **hyperparameters,
        "sagemaker_program": PROGRAM,
        "sagemaker_submit_directory": plan.source_uri,
        "sagemaker_region": settings.region,
        "sagemaker_container_log_level": str(CONTAINER_LOG_LEVEL),
        "sagemaker_job_name": plan.job_name,
    }


def rename_training_job(request: Mapping[str, Any], *, job_name: str) -> dict[str, Any]:
    """Return the same request under another job name."""
    hyperparameters = {**request["HyperParameters"], "sagemaker_job_name": job_name}
    return {**request, "TrainingJobName": job_name, "HyperParameters": hyperparameters}


def as_text(value: object) -> str:
    """Return a hyper-parameter's text: strings as they are, all else as JSON (true, 0.003, 12)."""
    return value if isinstance(value, str) else json.dumps(value)


def _channel(name: str, uri: str) -> dict[str, Any]:
    """Return a channel that every host gets in full; train.py shards the images over its ranks."""
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def _check_bounds(plan: TrainingPlan) -> None:
    if not 1 <= plan.instance_count <= MAX_INSTANCES:
        raise PayloadError(
            f"instance_count is {plan.instance_count}. Choose 1 to {MAX_INSTANCES} training instances."
        )
    if not 1 <= plan.max_runtime_s <= MAX_RUNTIME_S:
        raise PayloadError(f"max_runtime_s is {plan.max_runtime_s}. Choose 1 to {MAX_RUNTIME_S} seconds.")
    if not plan.channels:
        raise PayloadError(f"Training job {plan.job_name} has no input channel. Stage a data set first.")


def _check_hyperparameters(hyperparameters: Mapping[str, str]) -> None:
    if len(hyperparameters) > MAX_HYPERPARAMETERS - 5:
        raise PayloadError(f"{len(hyperparameters)} hyper-parameters; SageMaker takes {MAX_HYPERPARAMETERS}.")
    for name, text in hyperparameters.items():
        if name.startswith(RESERVED_PREFIX):
            raise PayloadError(f"Hyper-parameter {name!r} is script mode's own. Choose another name.")
        if len(text) > MAX_HYPERPARAMETER_CHARACTERS:
            raise PayloadError(
                f"Hyper-parameter {name!r} has {len(text)} characters; SageMaker takes "
                f"{MAX_HYPERPARAMETER_CHARACTERS}. Pass long values as a file in S3."
            )
