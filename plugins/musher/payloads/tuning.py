"""Build CreateHyperParameterTuningJob requests, and read the values that a tuning job answers.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html

Ranges are written as search.py takes them, by hyper-parameter:

    {"learning_rate": {"type": "continuous", "min": 0.001, "max": 0.1, "scale": "log"},
     "batch_size": {"type": "categorical", "values": [32, 64]}}
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from musher.costs.billing import billed_seconds
from musher.errors import PayloadError
from musher.payloads.tags import as_list
from musher.payloads.training import JOB_NAME, TrainingPlan, as_text, build_definition, build_hyperparameters
from musher.results import TrainingJobResult, Trial, TuningResult
from musher.settings import Settings

Ranges = Mapping[str, Mapping[str, Any]]

IN_JOB = "in_job"
"""All trials inside one training job, which runs search.py."""

STRATEGIES = ("Random", "Bayesian", "Grid", "Hyperband")
"""Those of SageMaker's tuning jobs."""

OBJECTIVE = "best:valid_loss"
"""Validation loss per image of a trial's best epoch: comparable whatever the batch size. Printed once."""

OBJECTIVE_BY_EPOCH = "valid:loss"
"""What Hyperband looks at: it compares unfinished trials, so it needs a figure after each epoch."""

MAX_TRIALS = 100
MAX_CATEGORIES = 30
"""Values that AWS takes for one categorical hyper-parameter (automatic-model-tuning-limits)."""
MAX_RANDOM_SEED = 2**31 - 1

KINDS: Mapping[str, type[int] | type[float]] = {"learning_rate": float, "batch_size": int}
"""The hyper-parameters that can be tuned, and what their values are."""


@dataclass(frozen=True, kw_only=True)
class TuningPlan:
    """Hold a tuning job's choices; `trial` is the plan of every trial, under the tuning job's own name.

    `max_epochs` is what Hyperband gives to the trials that it lets live.
    """

    trial: TrainingPlan
    strategy: str
    ranges: Ranges
    trials: int
    parallel: int
    seed: int
    max_epochs: int


def build_tuning_job(settings: Settings, *, plan: TuningPlan) -> dict[str, Any]:
    """Return the CreateHyperParameterTuningJob request; raise PayloadError where AWS would refuse it."""
    _check(plan)
    tuned = {*plan.ranges, JOB_NAME}
    static = build_hyperparameters(settings, plan=plan.trial)
    return {
        "HyperParameterTuningJobName": plan.trial.job_name,
        "HyperParameterTuningJobConfig": build_config(plan),
        "TrainingJobDefinition": {
            "StaticHyperParameters": {name: text for name, text in static.items() if name not in tuned},
            **build_definition(settings, plan=plan.trial),
        },
        "Tags": as_list(dict(plan.trial.tags)),
    }


def build_config(plan: TuningPlan) -> dict[str, Any]:
    """Return strategy, objective, limits and ranges.

    A grid has categories only: a continuous range becomes as many values as the trials allow. AWS wants the
    number of a grid's trials to be that of its points.
    """
    is_grid, is_hyperband = plan.strategy == "Grid", plan.strategy == "Hyperband"
    ranges = as_grid(plan.ranges, trials=plan.trials) if is_grid else plan.ranges
    trials = math.prod(len(found["values"]) for found in ranges.values()) if is_grid else int(plan.trials)
    resource = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": int(plan.max_epochs)}}
    return {
        "Strategy": plan.strategy,
        **({"StrategyConfig": resource} if is_hyperband else {}),
        "HyperParameterTuningJobObjective": {
            "Type": "Minimize",
            "MetricName": OBJECTIVE_BY_EPOCH if is_hyperband else OBJECTIVE,
        },
        "ResourceLimits": {
            "MaxNumberOfTrainingJobs": trials,
            "MaxParallelTrainingJobs": min(int(plan.parallel), trials),
        },
        "ParameterRanges": build_parameter_ranges(ranges),
        "TrainingJobEarlyStoppingType": "Off",
        "RandomSeed": plan.seed % MAX_RANDOM_SEED,
    }


def build_parameter_ranges(ranges: Ranges) -> dict[str, list[dict[str, Any]]]:
    """Return the ranges as SageMaker takes them: every number a string."""
    return {
        "ContinuousParameterRanges": [
            {
                "Name": name,
                "MinValue": as_text(found["min"]),
                "MaxValue": as_text(found["max"]),
                "ScalingType": "Logarithmic" if found.get("scale") == "log" else "Linear",
            }
            for name, found in ranges.items()
            if found["type"] == "continuous"
        ],
        "CategoricalParameterRanges": [
            {"Name": name, "Values": [as_text(value) for value in found["values"]]}
            for name, found in ranges.items()
            if found["type"] == "categorical"
        ],
    }


def as_grid(ranges: Ranges, *, trials: int) -> dict[str, dict[str, Any]]:
    """Return categories only: the first continuous range gets as many points as `trials` and AWS allow."""
    categories = {name: dict(found) for name, found in ranges.items() if found["type"] == "categorical"}
    combinations = math.prod(len(found["values"]) for found in categories.values())
    points = min(int(trials) // combinations, MAX_CATEGORIES)
    if points < 1:
        raise PayloadError(
            f"A grid of {combinations} combinations needs as many trials; tuning_trials is {trials}. "
            "Raise it, or name fewer batch sizes."
        )
    continuous = {
        name: {"type": "categorical", "values": log_points(found["min"], found["max"], count=points)}
        for name, found in ranges.items()
        if found["type"] == "continuous"
    }
    return {**continuous, **categories}


def log_points(low: float, high: float, *, count: int) -> list[float]:
    """Return up to `count` values from low to high, evenly spaced on a log scale; of one, the middle."""
    if count == 1:
        return [_rounded(math.sqrt(low * high))]
    points = [_rounded(low * (high / low) ** (step / (count - 1))) for step in range(count)]
    return list(dict.fromkeys(points))  # a narrow range has fewer of 6 digits


def rename_tuning_job(request: Mapping[str, Any], *, job_name: str) -> dict[str, Any]:
    """Return the same request under another job name."""
    return {**request, "HyperParameterTuningJobName": job_name}


def read_trial(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return name, state, values and objective of one training job of a tuning job.

    The objective is None where the trial did not report one, the seconds where it did not run.
    """
    objective = summary.get("FinalHyperParameterTuningJobObjectiveMetric") or {}
    start, end = summary.get("TrainingStartTime"), summary.get("TrainingEndTime")
    return {
        "name": summary["TrainingJobName"],
        "status": summary["TrainingJobStatus"],
        "hyperparameters": read_values(summary["TunedHyperParameters"]),
        "objective": objective.get("Value"),
        "seconds": round((end - start).total_seconds(), 3) if start and end else None,
    }


def read_search(found: Mapping[str, Any], *, job: TrainingJobResult) -> TuningResult:
    """Return trials.json of the search job `job` in the form in which a tuning job's trials are returned."""
    trials = {trial["trial"]: _read_search_trial(trial) for trial in found["trials"]}
    return TuningResult(
        strategy=IN_JOB,
        job_name=job["job_name"],
        objective=found["objective"],
        trials=list(trials.values()),
        best=trials[found["best"]["trial"]],
        seconds=job["seconds"],
        billed_seconds=billed_seconds(billable=job["billable_seconds"], instances=job["instances"]),
    )


def _read_search_trial(trial: Mapping[str, Any]) -> Trial:
    """Return one trial; one whose loss was no number any more has neither objective nor seconds."""
    return Trial(
        name=f"trial-{trial['trial']}",
        status=trial["status"],
        hyperparameters=read_values(trial["hyperparameters"]),
        objective=trial.get("objective"),
        seconds=trial.get("seconds"),
    )


def read_values(tuned: Mapping[str, object]) -> dict[str, int | float]:
    """Return the tuned hyper-parameters as numbers; PayloadError names one that is none.

    SageMaker answers categories as they were sent, and the SDK's tuner sends them as JSON: `'"64"'` is 64.
    """
    return {name: _read_value(name, str(value)) for name, value in tuned.items() if name in KINDS}


def unquote(text: str) -> str:
    """Return `64` for `"64"`, and any other text as it is."""
    return str(json.loads(text)) if len(text) >= 2 and text[0] == text[-1] == '"' else text


def _read_value(name: str, text: str) -> int | float:
    try:
        value = float(unquote(text))
        if not math.isfinite(value):
            raise ValueError(text)
        return int(value) if KINDS[name] is int and value == int(value) else value
    except ValueError as error:
        raise PayloadError(
            f"The tuning job gave {name} the value {text!r}, which is no number. Correct its ranges."
        ) from error


def _rounded(value: float) -> float:
    """Return a value with 6 significant digits, so that names and logs stay readable."""
    return float(f"{value:.6g}")


def check_ranges(ranges: Ranges, *, images: int, instances: int) -> None:
    """Raise PayloadError for ranges with nothing to choose, or batches that the training cannot have."""
    rate, batches = ranges["learning_rate"], ranges["batch_size"]["values"]
    found = []
    if not 0 < rate["min"] < rate["max"]:
        found.append(
            f"learning_rate_min is {rate['min']} and learning_rate_max {rate['max']}. "
            "Choose a minimum above 0 and below the maximum."
        )
    if not batches or len(set(batches)) != len(batches):
        found.append(f"batch_sizes is {list(batches)}. Name one or more sizes, each once.")
    found += unsuitable_batches("batch_sizes", batches, images=images, instances=instances)
    if found:
        raise PayloadError(" ".join(found))


def unsuitable_batches(name: str, batches: Sequence[int], *, images: int, instances: int) -> list[str]:
    """Return a sentence for batches of the Param `name` above the data, and for those below the instances."""
    found = []
    if too_large := [size for size in batches if size > images]:
        found.append(
            f"{name}: {', '.join(map(str, too_large))}, but there are {images} training images. "
            f"Choose sizes of at most {images}."
        )
    if too_small := [size for size in batches if size < instances]:
        found.append(
            f"{name}: {', '.join(map(str, too_small))}, but {instances} instances share each batch. "
            "Choose more, or lower instance_count."
        )
    return found


def _check(plan: TuningPlan) -> None:
    if plan.strategy not in STRATEGIES:
        raise PayloadError(f"tuning_strategy is {plan.strategy!r}. Choose one of {', '.join(STRATEGIES)}.")
    if not 1 <= plan.trials <= MAX_TRIALS:
        raise PayloadError(f"tuning_trials is {plan.trials}. Choose 1 to {MAX_TRIALS}.")
    if plan.parallel < 1:
        raise PayloadError(f"tuning_parallel is {plan.parallel}. Choose 1 or more.")
