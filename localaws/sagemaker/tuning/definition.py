"""What a training job of a tuning job is created with. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from moto.core.utils import camelcase_to_underscores

from localaws.sagemaker.tuning.spec import OBJECTIVE_PARAMETER

SAME_MEMBERS = (
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "VpcConfig",
    "StoppingCondition",
    "Environment",
    "RetryStrategy",
)
"""Members that CreateTrainingJob takes as TrainingJobDefinition has them."""
FLAGS = (
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
)
ABSENT_MEMBERS = ("DebugHookConfig", "DebugRuleConfigurations", "TensorBoardOutputConfig", "ExperimentConfig")
"""Members of CreateTrainingJob that a tuning job cannot set."""


def training_members(
    definition: Mapping[str, Any],
    *,
    job_name: str,
    values: Mapping[str, str],
    metric: str,
    tags: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    """Return the members of one training job, named as moto's backend names them.

    The tuning job's tags are added to its training jobs (API_CreateHyperParameterTuningJob). The checkpoints
    of each training job go to a folder of its own: trials that shared one would resume each other's training.
    """
    static = definition.get("StaticHyperParameters") or {}
    members = {name: definition.get(name) for name in SAME_MEMBERS}
    members |= {flag: bool(definition.get(flag)) for flag in FLAGS}
    members |= dict.fromkeys(ABSENT_MEMBERS)
    members |= {
        "HyperParameters": {OBJECTIVE_PARAMETER: metric} | static | dict(values),
        "ResourceConfig": resource_config(definition),
        "CheckpointConfig": checkpoint_config(definition, job_name=job_name),
        "Tags": list(tags),
    }
    return {camelcase_to_underscores(name): value for name, value in members.items()}


def resource_config(definition: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return ResourceConfig; of HyperParameterTuningResourceConfig's choices the first, the preferred."""
    if definition.get("ResourceConfig"):
        return dict(definition["ResourceConfig"])
    choices = definition.get("HyperParameterTuningResourceConfig")
    if not choices:
        return None
    chosen = {**choices, **(choices.get("InstanceConfigs") or [{}])[0]}
    names = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")
    return {name: chosen[name] for name in names if name in chosen}


def describe_definition(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return TrainingJobDefinition as it is described.

    SDK v2 asks for one kind of instance by HyperParameterTuningResourceConfig, and its attach() reads
    ResourceConfig.
    """
    choices = definition.get("HyperParameterTuningResourceConfig") or {}
    if definition.get("ResourceConfig") or "InstanceType" not in choices:
        return dict(definition)
    return {**definition, "ResourceConfig": resource_config(definition)}


def checkpoint_config(definition: Mapping[str, Any], *, job_name: str) -> dict[str, Any] | None:
    """Return CheckpointConfig with the training job's name at the end of its S3Uri."""
    config = definition.get("CheckpointConfig")
    if not config:
        return None
    return {**config, "S3Uri": f"{config['S3Uri'].rstrip('/')}/{job_name}"}
