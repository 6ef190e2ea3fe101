"""Refuse a tuning job that cannot run, before anything starts.

What the service's model says of members has been checked before (`localaws.wire`).
Limits: automatic-model-tuning-limits.
"""

from collections.abc import Mapping
from typing import Any

from moto.sagemaker.exceptions import AWSValidationException

from localaws.sagemaker.training.validation import check_checkpoints, check_metrics
from localaws.sagemaker.tuning.definition import resource_config
from localaws.sagemaker.tuning.errors import ResourceLimitError
from localaws.sagemaker.tuning.range_checks import check_combinations, check_ranges
from localaws.sagemaker.tuning.ranges import Space
from localaws.sagemaker.tuning.spec import MAX_TRAINING_JOBS, resources_of

MAX_PARALLEL = 100
"""MaxParallelTrainingJobs; AWS starts at 10 and raises it to this on request."""
MAX_EPOCHS = 20_000
"""MaxResource of Hyperband."""
METRIC_REQUIRED = (
    "A metric is required for this hyperparameter tuning job objective. "
    "Provide a metric in the metric definitions."
)


def check_request(request: Mapping[str, Any]) -> None:
    """Check the members of the request (named as moto's backend spells them), without looking at S3."""
    config = request["hyper_parameter_tuning_job_config"]
    _check_supported(request)
    definition = request["training_job_definition"]
    _check_objective(config, definition=definition)
    _check_limits(config)
    check_ranges(config.get("ParameterRanges") or {}, static=definition.get("StaticHyperParameters") or {})
    check_combinations(config)
    _check_grid_size(config)
    _check_criteria(config.get("TuningJobCompletionCriteria") or {})
    if config["Strategy"] == "Hyperband":
        _check_hyperband(config, definition=definition)
    check_checkpoints(definition.get("CheckpointConfig") or {})
    if resource_config(definition) is None:
        raise AWSValidationException(
            "TrainingJobDefinition must have a ResourceConfig or a HyperParameterTuningResourceConfig."
        )


def _check_supported(request: Mapping[str, Any]) -> None:
    if request.get("autotune"):
        raise AWSValidationException(
            "Autotune: localaws does not choose ranges and limits by itself. Leave Autotune out, and give "
            "ParameterRanges and ResourceLimits."
        )
    if request.get("training_job_definitions"):
        raise AWSValidationException(
            "TrainingJobDefinitions: localaws tunes one algorithm at a time. Give one TrainingJobDefinition, "
            "with its objective and ranges in HyperParameterTuningJobConfig."
        )
    if not request.get("training_job_definition"):
        raise AWSValidationException(
            "A TrainingJobDefinition is required to create a hyperparameter tuning job."
        )


def _check_objective(config: Mapping[str, Any], *, definition: Mapping[str, Any]) -> None:
    objective = config.get("HyperParameterTuningJobObjective")
    metrics = definition["AlgorithmSpecification"].get("MetricDefinitions") or ()
    if not objective or objective["MetricName"] not in [metric["Name"] for metric in metrics]:
        raise AWSValidationException(METRIC_REQUIRED)
    check_metrics(metrics)


def _check_limits(config: Mapping[str, Any]) -> None:
    limits = config["ResourceLimits"]
    if limits["MaxParallelTrainingJobs"] > MAX_PARALLEL:
        raise ResourceLimitError(
            limit="parallel training jobs per hyperparameter tuning job",
            allowed=MAX_PARALLEL,
            wanted=limits["MaxParallelTrainingJobs"],
        )


def _check_grid_size(config: Mapping[str, Any]) -> None:
    """Refuse more training jobs than one tuning job may launch, asked for or inferred from a grid."""
    wanted = config["ResourceLimits"].get("MaxNumberOfTrainingJobs") or 0
    if config["Strategy"] == "Grid":
        wanted = int(Space.from_request(config["ParameterRanges"]).combinations)
    if wanted > MAX_TRAINING_JOBS:
        raise ResourceLimitError(
            limit="training jobs per hyperparameter tuning job", allowed=MAX_TRAINING_JOBS, wanted=wanted
        )


def _check_criteria(criteria: Mapping[str, Any]) -> None:
    if (criteria.get("ConvergenceDetected") or {}).get("CompleteOnConvergence") == "Enabled":
        raise AWSValidationException(
            "ConvergenceDetected: how SageMaker detects convergence is not published, so localaws does not "
            "have it. Use BestObjectiveNotImproving or TargetObjectiveMetricValue."
        )


def _check_hyperband(config: Mapping[str, Any], *, definition: Mapping[str, Any]) -> None:
    if config.get("TrainingJobEarlyStoppingType") == "Auto":
        raise AWSValidationException(
            "TrainingJobEarlyStoppingType must be OFF to use Hyperband, which has its own early stopping."
        )
    minimum, maximum = resources_of(config, definition=definition)
    if maximum is None:
        raise AWSValidationException(
            "Hyperband cannot infer MaxResource: give it in HyperbandStrategyConfig, or give one of epochs, "
            "numepochs, n-epochs, n_epochs, num_epochs in StaticHyperParameters."
        )
    if not 1 <= minimum <= maximum <= MAX_EPOCHS:
        raise AWSValidationException(
            f"HyperbandStrategyConfig: MinResource [{minimum}] must be at least 1 and at most MaxResource "
            f"[{maximum}], which must be at most {MAX_EPOCHS}."
        )
