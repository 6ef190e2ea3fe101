"""Refuse ranges that cannot be searched, before anything starts."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from moto.sagemaker.exceptions import AWSValidationException

from localaws.sagemaker.tuning.ranges import Space, parse_number
from localaws.sagemaker.wording import constraint
from localaws.wire.wording import length_at_most, one_of

MAX_RANGES = 30
"""Hyper-parameters that one tuning job can search (automatic-model-tuning-limits)."""
MAX_PARAMETERS = 100
"""Hyper-parameters of a training job, tuned, static and SageMaker's own _tuning_objective_metric."""
MEMBER = "hyperParameterTuningJobConfig.parameterRanges"
SCALES = {
    "ContinuousParameterRanges": ("Auto", "Linear", "Logarithmic", "ReverseLogarithmic"),
    "IntegerParameterRanges": ("Auto", "Linear", "Logarithmic"),
}

Ranges = Mapping[str, Sequence[Mapping[str, Any]]]


def check_ranges(ranges: Ranges, *, static: Mapping[str, str]) -> None:
    """Check every range, and that names are unique among tuned and static hyper-parameters."""
    if ranges.get("AutoParameters"):
        raise AWSValidationException(
            "AutoParameters need Autotune, which localaws does not have: give each hyper-parameter a range."
        )
    for kind in SCALES:
        for item in ranges.get(kind) or ():
            _check_numbers(item, kind=kind)
    _check_names([item["Name"] for kind in ranges.values() for item in kind or ()], static=static)


def _check_names(names: list[str], *, static: Mapping[str, str]) -> None:
    if not names:
        raise AWSValidationException("ParameterRanges must have at least one hyperparameter range.")
    if len(names) > MAX_RANGES:
        raise constraint(value=f"{len(names)} ranges", member=MEMBER, rule=length_at_most(MAX_RANGES))
    for name in names:
        if names.count(name) > 1:
            raise AWSValidationException(f"Hyperparameter [{name}] has more than one range.")
        if name in static:
            raise AWSValidationException(
                f"Hyperparameter [{name}] is both in ParameterRanges and in StaticHyperParameters."
            )
    if len(names) + len(static) + 1 > MAX_PARAMETERS:
        raise AWSValidationException(
            f"{len(names)} tuned and {len(static)} static hyperparameters, plus _tuning_objective_metric, "
            f"are more than {MAX_PARAMETERS}."
        )


def _check_numbers(item: Mapping[str, Any], *, kind: str) -> None:
    name, scale = item["Name"], item.get("ScalingType") or "Auto"
    member = f"{MEMBER}.{kind[0].lower()}{kind[1:]}"
    if scale not in SCALES[kind]:
        raise constraint(value=scale, member=f"{member}.scalingType", rule=one_of(SCALES[kind]))
    bounds = [_bound(item, end, whole=kind == "IntegerParameterRanges") for end in ("MinValue", "MaxValue")]
    low, high = bounds
    if low >= high:
        raise AWSValidationException(
            f"Invalid range for hyperparameter [{name}]: MinValue [{item['MinValue']}] must be less than "
            f"MaxValue [{item['MaxValue']}]."
        )
    if not math.isfinite(high - low):
        raise AWSValidationException(
            f"Invalid range for hyperparameter [{name}]: MaxValue [{item['MaxValue']}] - MinValue "
            f"[{item['MinValue']}] is too large for a number."
        )
    if scale == "Logarithmic" and low <= 0:
        raise AWSValidationException(
            f"Invalid range for hyperparameter [{name}]: ScalingType [Logarithmic] works only for ranges "
            f"that have only values greater than 0, and MinValue is [{item['MinValue']}]."
        )
    if scale == "ReverseLogarithmic" and not (low >= 0 and high < 1):
        raise AWSValidationException(
            f"Invalid range for hyperparameter [{name}]: ScalingType [ReverseLogarithmic] works only for "
            f"ranges entirely within 0<=x<1.0, not [{item['MinValue']}, {item['MaxValue']}]."
        )


def _bound(item: Mapping[str, Any], end: str, *, whole: bool) -> float:
    value = None if '"' in item[end] else parse_number(item[end])
    if value is None or (whole and not item[end].lstrip("+-").isdigit()):
        kind = "an integer" if whole else "a number"
        raise AWSValidationException(
            f"Invalid range for hyperparameter [{item['Name']}]: {end} [{item[end]}] is not {kind}."
        )
    return value


def check_combinations(config: Mapping[str, Any]) -> None:
    """Refuse more training jobs than there are combinations, and a grid that is none."""
    ranges: Ranges = config.get("ParameterRanges") or {}
    wanted = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    combinations = Space.from_request(ranges).combinations
    if config["Strategy"] == "Grid":
        if any(ranges.get(kind) for kind in SCALES):
            raise AWSValidationException(
                "Only categorical parameters are supported when using the Grid strategy: move the integer "
                "and continuous ranges to CategoricalParameterRanges."
            )
        if wanted is not None and wanted != combinations:
            raise AWSValidationException(
                f"With the Grid strategy, MaxNumberOfTrainingJobs [{wanted}] must equal the number of "
                f"distinct combinations [{combinations:.0f}], or be left out."
            )
    elif wanted is not None and combinations < wanted:
        raise AWSValidationException(
            "You don't have enough combinations of hyperparameter ranges. The total number of "
            f"hyperparameter combinations for the provided ranges [{combinations}] must be equal or greater "
            f"than the value of MaxNumberOfJobs, [{wanted}]. Provide additional ranges."
        )
