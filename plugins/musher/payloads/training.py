"""Build CreateTrainingJob requests in script mode.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from musher import names
from musher.errors import PayloadError
from musher.payloads.security import isolation, output_key, traffic_encryption, volume_key, vpc_config
from musher.payloads.tags import as_list
from musher.settings import Settings

TRAIN, EMBED, SEARCH, EVALUATE = "train.py", "embed.py", "search.py", "evaluate.py"
"""The programs of training/ that run as training jobs."""

CHECKPOINT_FOLDER = "/opt/ml/checkpoints"
"""Where SageMaker brings a job's earlier checkpoints, and takes new ones from while the job runs."""

CODE_CHANNEL = "code"
CODE_PATH = "/opt/ml/input/data/code/sourcedir.tar.gz"
"""Where an isolated container finds its code, which it cannot fetch from S3: it comes as a channel."""

CONTAINER_LOG_LEVEL = 20
"""logging.INFO, as the SageMaker training toolkit reads it."""

VOLUME_GB = 30
MAX_INSTANCES = 8
MAX_RUNTIME_S = 5 * 24 * 3600
"""SageMaker's own limit for MaxRuntimeInSeconds is 28 days; nobody should get there by a typing error."""

MAX_HYPERPARAMETERS = 100
MAX_HYPERPARAMETER_CHARACTERS = 2500
RESERVED_PREFIX = "sagemaker_"
JOB_NAME = "sagemaker_job_name"
VERSION_CHARACTERS = 8


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """Hold what distinguishes one training job from another.

    `channels` maps a channel's name to its S3 prefix; `hyperparameters` are the options of `program`.
    With `max_wait_s` the job runs on spot capacity, and may take so many seconds with all interruptions.
    A job that `keeps_checkpoints` continues from those of an attempt with the same options, code and data.
    The artifacts of a job that is not `compressed` are the files themselves, below `<job>/output/model/`.
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
    program: str = TRAIN
    max_wait_s: int | None = None
    keeps_checkpoints: bool = False
    is_compressed: bool = True


def build_training_job(settings: Settings, *, plan: TrainingPlan) -> dict[str, Any]:
    """Return the CreateTrainingJob request; raise PayloadError where AWS would refuse it."""
    hyperparameters = build_hyperparameters(settings, plan=plan)
    checkpoints = {"CheckpointConfig": _checkpoints(settings, plan)} if plan.keeps_checkpoints else {}
    return {
        "TrainingJobName": plan.job_name,
        "HyperParameters": hyperparameters,
        **build_definition(settings, plan=plan),
        **checkpoints,
        "Tags": as_list(dict(plan.tags)),
    }


def build_definition(settings: Settings, *, plan: TrainingPlan) -> dict[str, Any]:
    """Return what a training job and the trials of a tuning job are requested with alike."""
    _check_bounds(plan)
    output = {"S3OutputPath": names.s3_uri(settings, key=names.jobs_prefix(settings)), **output_key(settings)}
    return {
        "RoleArn": names.role_arn(settings, role="sagemaker"),
        "AlgorithmSpecification": {
            "TrainingImage": settings.training_image_for(instance_type=plan.instance_type),
            "TrainingInputMode": "File",
            "MetricDefinitions": [dict(definition) for definition in plan.metric_definitions],
        },
        "InputDataConfig": [_channel(name, uri) for name, uri in _channels(settings, plan).items()],
        "OutputDataConfig": output if plan.is_compressed else {**output, "CompressionType": "NONE"},
        "ResourceConfig": {
            "InstanceType": plan.instance_type,
            "InstanceCount": int(plan.instance_count),
            "VolumeSizeInGB": VOLUME_GB,
            **volume_key(settings),
        },
        **vpc_config(settings),
        **traffic_encryption(settings),
        **isolation(settings),
        **_limits(plan),
    }


def build_hyperparameters(settings: Settings, *, plan: TrainingPlan) -> dict[str, str]:
    """Return the script's options and script mode's own five, all as strings."""
    hyperparameters = {name: as_text(value) for name, value in plan.hyperparameters.items()}
    _check_hyperparameters(hyperparameters)
    return {
        **hyperparameters,
        "sagemaker_program": plan.program,
        "sagemaker_submit_directory": CODE_PATH if settings.isolate_network else plan.source_uri,
        "sagemaker_region": settings.region,
        "sagemaker_container_log_level": str(CONTAINER_LOG_LEVEL),
        JOB_NAME: plan.job_name,
    }


def rename_training_job(request: Mapping[str, Any], *, job_name: str) -> dict[str, Any]:
    """Return the same request under another job name; the checkpoints stay where they are."""
    hyperparameters = {**request["HyperParameters"], JOB_NAME: job_name}
    return {**request, "TrainingJobName": job_name, "HyperParameters": hyperparameters}


def as_text(value: object) -> str:
    """Return a hyper-parameter's text: strings as they are, all else as JSON (true, 0.003, 12)."""
    return value if isinstance(value, str) else json.dumps(value)


def _limits(plan: TrainingPlan) -> dict[str, Any]:
    """Return the job's time limits in whole seconds (a form's integer may be 3600.0), on spot or not."""
    limits = {"MaxRuntimeInSeconds": int(plan.max_runtime_s)}
    if plan.max_wait_s is None:
        return {"StoppingCondition": limits}
    limits["MaxWaitTimeInSeconds"] = int(plan.max_wait_s)
    return {"StoppingCondition": limits, "EnableManagedSpotTraining": True}


def _checkpoints(settings: Settings, plan: TrainingPlan) -> dict[str, str]:
    """Return a folder that only jobs with the same options, code and data share."""
    content = [dict(plan.hyperparameters), plan.program, plan.source_uri, dict(plan.channels)]
    version = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:VERSION_CHARACTERS]
    prefix = names.checkpoints_prefix(settings, job_name=plan.job_name, version=version)
    return {"S3Uri": names.s3_uri(settings, key=prefix), "LocalPath": CHECKPOINT_FOLDER}


def _channels(settings: Settings, plan: TrainingPlan) -> dict[str, str]:
    """Return the plan's channels, and the code's where the container is isolated."""
    code = {CODE_CHANNEL: plan.source_uri} if settings.isolate_network else {}
    return {**plan.channels, **code}


def _channel(name: str, uri: str) -> dict[str, Any]:
    """Return a channel that every host gets in full; train.py shards the images over its ranks."""
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def _check_bounds(plan: TrainingPlan) -> None:
    if not 1 <= plan.instance_count <= MAX_INSTANCES:
        raise PayloadError(
            f"instance_count is {plan.instance_count}. Choose 1 to {MAX_INSTANCES} training instances."
        )
    check_time_limits(max_runtime_s=plan.max_runtime_s, max_wait_s=plan.max_wait_s)
    if not plan.channels:
        raise PayloadError(f"Training job {plan.job_name} has no input channel. Stage a data set first.")


def check_time_limits(*, max_runtime_s: int, max_wait_s: int | None) -> None:
    """Raise PayloadError for limits that AWS would refuse; `max_wait_s` is None without spot capacity."""
    if not 1 <= max_runtime_s <= MAX_RUNTIME_S:
        raise PayloadError(f"max_runtime_s is {max_runtime_s}. Choose 1 to {MAX_RUNTIME_S} seconds.")
    if max_wait_s is not None and not max_runtime_s <= max_wait_s <= MAX_RUNTIME_S:
        raise PayloadError(
            f"max_wait_s is {max_wait_s}. Choose max_runtime_s ({max_runtime_s}) to "
            f"{MAX_RUNTIME_S} seconds: it counts the interruptions, too."
        )


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
