"""Check the parents of a tuning job with a WarmStartConfig."""

from collections.abc import Mapping
from typing import Any

from moto.sagemaker.exceptions import AWSValidationException

from localaws.sagemaker.tuning.job import LocalTuningJob
from localaws.sagemaker.tuning.ranges import Space
from localaws.sagemaker.tuning.spec import OBJECTIVE_PARAMETER, objective_of, shares_results

STRATEGIES = ("Bayesian", "Random")
NAMES_DIFFER = (
    "The set of tunable plus static HyperParameter names is not the same across current and parent tuning "
    "jobs. Please ensure this set is constant when warm starting. Note that previously static "
    "HyperParameters can be tuned in warm start jobs and vice versa."
)


def parent_names(warm_start: Mapping[str, Any] | None) -> list[str]:
    """Return the parents' names."""
    if not warm_start:
        return []
    parents = warm_start["ParentHyperParameterTuningJobs"]
    return [str(item.get("HyperParameterTuningJobName") or "null") for item in parents]


def check_parent(parent: LocalTuningJob, request: Mapping[str, Any]) -> None:
    """Refuse a parent that cannot seed this request (API_HyperParameterTuningJobWarmStartConfig)."""
    config, definition = request["hyper_parameter_tuning_job_config"], request["training_job_definition"]
    name = parent.hyper_parameter_tuning_job_name
    if config["Strategy"] not in STRATEGIES:
        raise AWSValidationException(
            f"WarmStartConfig works with the strategies {' and '.join(STRATEGIES)}, "
            f"not with {config['Strategy']}."
        )
    if not parent.has_ended:
        raise AWSValidationException(
            f"Parent tuning job {name} is in status {parent.hyper_parameter_tuning_job_status}. Parent "
            "tuning jobs must be in status Completed, Failed or Stopped."
        )
    if parent.objective != objective_of(config):
        raise AWSValidationException(
            f"The objective metric of the tuning job must be the same as that of its parent {name}: "
            f"{parent.objective.type} {parent.objective.metric}."
        )
    parent_definition = parent.training_job_definition or {}
    if _names(parent.hyper_parameter_tuning_job_config, parent_definition) != _names(config, definition):
        raise AWSValidationException(NAMES_DIFFER)
    if shares_results(request["warm_start_config"]):
        _check_identical(parent_definition, definition, parent=name)


def _names(config: Mapping[str, Any], definition: Mapping[str, Any]) -> set[str]:
    tuned = Space.from_request(config.get("ParameterRanges") or {}).names
    return set(tuned) | set(definition.get("StaticHyperParameters") or ()) | {OBJECTIVE_PARAMETER}


def _check_identical(theirs: Mapping[str, Any], ours: Mapping[str, Any], *, parent: str) -> None:
    """Refuse another image or other data; the remedy is TransferLearning."""
    image = [item["AlgorithmSpecification"].get("TrainingImage") for item in (theirs, ours)]
    data = [item.get("InputDataConfig") or [] for item in (theirs, ours)]
    for what, (before, now) in {"training image": image, "input data": data}.items():
        if before != now:
            raise AWSValidationException(
                f"With IdenticalDataAndAlgorithm the {what} must be the same as that of the parent tuning "
                f"job {parent}. Use TransferLearning where it differs."
            )
