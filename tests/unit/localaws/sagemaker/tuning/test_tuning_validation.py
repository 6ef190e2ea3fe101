"""What is refused, and in which words."""

from typing import Any

import pytest
from moto.core.exceptions import ServiceException

from localaws.sagemaker.tuning.validation import check_request
from tests.objections import objection


def ranges(**more: Any) -> dict[str, Any]:
    """Return options with one continuous range."""
    item = {"Name": "x", "MinValue": "0", "MaxValue": "1"} | more
    return {"config": {"ParameterRanges": {"ContinuousParameterRanges": [item]}}}


def integers(**more: Any) -> dict[str, Any]:
    """Return options with one integer range."""
    item = {"Name": "n", "MinValue": "1", "MaxValue": "4"} | more
    return {"config": {"ParameterRanges": {"IntegerParameterRanges": [item]}}}


def config(**members: Any) -> dict[str, Any]:
    """Return options with members of HyperParameterTuningJobConfig."""
    return {"config": members}


def limits(**members: int) -> dict[str, Any]:
    """Return options with ResourceLimits."""
    return config(ResourceLimits={"MaxParallelTrainingJobs": 1} | members)


def metrics(regex: str) -> dict[str, Any]:
    """Return options with this regular expression of the objective."""
    definitions = [{"Name": "loss", "Regex": regex}]
    algorithm = {"TrainingImage": "image", "TrainingInputMode": "File", "MetricDefinitions": definitions}
    return {"definition": {"AlgorithmSpecification": algorithm}}


CHOICES = {"CategoricalParameterRanges": [{"Name": "k", "Values": ["a", "b", "c"]}]}
OBJECTIVE = {"Type": "Minimize", "MetricName": "accuracy"}

REFUSED = [
    (
        config(HyperParameterTuningJobObjective=OBJECTIVE),
        "A metric is required for this hyperparameter tuning",
    ),
    (config(HyperParameterTuningJobObjective=None), "Provide a metric in the metric definitions."),
    (config(ParameterRanges={}), "at least one hyperparameter range"),
    (ranges(MinValue="1"), "[x]: MinValue [1] must be less than MaxValue [1]."),
    (ranges(MinValue="zero"), "MinValue [zero] is not a number."),
    (ranges(MaxValue='1"'), 'MaxValue [1"] is not a number.'),
    (ranges(MinValue="-1e308", MaxValue="1e308"), "[1e308] - MinValue [-1e308] is too large for a number."),
    (metrics("("), "Invalid regular expression '(' of metric 'loss'"),
    ({"definition": {"CheckpointConfig": {"S3Uri": "https://x"}}}, "Value 'https://x' at 'checkpointConfig"),
    (ranges(MaxValue="inf"), "MaxValue [inf] is not a number."),
    (ranges(ScalingType="Logarithmic"), "only for ranges that have only values greater than 0"),
    (ranges(ScalingType="ReverseLogarithmic"), "only for ranges entirely within 0<=x<1.0, not [0, 1]."),
    (ranges(ScalingType="Cubic"), "satisfy enum value set: [Linear, Auto, ReverseLogarithmic, Logarithmic]"),
    (ranges(Name="epochs"), "[epochs] is both in ParameterRanges and in StaticHyperParameters."),
    (integers(MaxValue="2.5"), "MaxValue [2.5] is not an integer."),
    (integers(ScalingType="ReverseLogarithmic"), "satisfy enum value set: [Linear, Auto, Logarithmic]"),
    (
        integers(MaxValue="3"),
        "for the provided ranges [3.0] must be equal or greater than the value of MaxNumber",
    ),
    (
        limits(MaxParallelTrainingJobs=101),
        "'Maximum number of parallel training jobs per hyperparameter tuning",
    ),
    (limits(MaxNumberOfTrainingJobs=751), "per hyperparameter tuning job' is 750, and 751 are requested."),
    (config(Strategy="Grid"), "Only categorical parameters are supported when using the Grid strategy"),
    (
        config(Strategy="Grid", ParameterRanges=CHOICES),
        "[4] must equal the number of distinct combinations [3]",
    ),
    (config(Strategy="Hyperband", TrainingJobEarlyStoppingType="Auto"), "must be OFF to use Hyperband"),
    (
        config(Strategy="Hyperband", StrategyConfig={"HyperbandStrategyConfig": {"MinResource": 10}}),
        "MinResource [10] must be at least 1 and at most MaxResource [9]",
    ),
    (
        config(Strategy="Hyperband") | {"definition": {"StaticHyperParameters": {}}},
        "cannot infer MaxResource",
    ),
    (
        config(TuningJobCompletionCriteria={"ConvergenceDetected": {"CompleteOnConvergence": "Enabled"}}),
        "Use BestObjectiveNotImproving or TargetObjectiveMetricValue.",
    ),
    ({"definition": {"ResourceConfig": None}}, "must have a ResourceConfig"),
    ({"more": {"autotune": {"Mode": "Enabled"}}}, "Leave Autotune out"),
    ({"more": {"training_job_definition": None}}, "A TrainingJobDefinition is required"),
    ({"more": {"training_job_definitions": [{}]}}, "one algorithm at a time"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_cannot_run_is_refused(tuning_request: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ServiceException) as caught:
        check_request(tuning_request(**options))
    assert words in str(caught.value.message)


GOOD = [
    {},
    ranges(MinValue="0.0001", ScalingType="Logarithmic"),
    ranges(MinValue="0.5", MaxValue="0.99", ScalingType="ReverseLogarithmic"),
    integers(MinValue="-4"),
    config(Strategy="Hyperband"),
    config(Strategy="Grid", ParameterRanges=CHOICES, ResourceLimits={"MaxParallelTrainingJobs": 1}),
    config(TrainingJobEarlyStoppingType="Auto"),
    limits(MaxNumberOfTrainingJobs=750, MaxParallelTrainingJobs=100, MaxRuntimeInSeconds=120),
]


@pytest.mark.parametrize("options", GOOD, ids=lambda value: str(value)[:60])
def test_what_can_run_is_taken(tuning_request: Any, options: dict[str, Any]) -> None:
    assert objection(check_request, tuning_request(**options)) is None


def test_more_than_thirty_ranges_are_refused(tuning_request: Any) -> None:
    many = [{"Name": f"x{number}", "MinValue": "0", "MaxValue": "1"} for number in range(31)]
    options = config(ParameterRanges={"ContinuousParameterRanges": many})
    with pytest.raises(ServiceException, match="less than or equal to 30"):
        check_request(tuning_request(**options))
    twice = config(ParameterRanges={"ContinuousParameterRanges": [many[0], many[0]]})
    with pytest.raises(ServiceException, match=r"\[x0\] has more than one range"):
        check_request(tuning_request(**twice))
