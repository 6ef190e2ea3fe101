"""What a tuning job is to do, taken from a request that has been checked. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from localaws.sagemaker.training.metrics import MetricPattern
from localaws.sagemaker.tuning.ranges import Space

MAX_TRAINING_JOBS = 750
"""Training jobs of one tuning job (automatic-model-tuning-limits); the number where none is asked for."""
OBJECTIVE_PARAMETER = "_tuning_objective_metric"
"""The hyper-parameter by which AWS tells the training job what it is judged by."""
EPOCH_PARAMETERS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
"""Static hyper-parameters from which Hyperband infers MaxResource (API_HyperbandStrategyConfig)."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What is tuned for."""

    metric: str
    maximize: bool

    @property
    def type(self) -> str:
        """AWS's word for the direction."""
        return "Maximize" if self.maximize else "Minimize"

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """optuna's word for the direction."""
        return "maximize" if self.maximize else "minimize"

    def is_better(self, value: float, than: float) -> bool:
        """Tell whether one value is strictly better than another."""
        return value > than if self.maximize else value < than

    def best(self, values: Iterable[float]) -> float | None:
        """Return the best value, or None where there is none."""
        return (max if self.maximize else min)(values, default=None)

    def reaches(self, value: float, *, target: float) -> bool:
        """Tell whether a value is at least as good as the target."""
        return not self.is_better(target, value)


@dataclass(frozen=True, kw_only=True)
class TuningSpec:
    """What one tuning job is to do. Durations are AWS seconds; None means without that limit."""

    name: str
    strategy: str
    objective: Objective
    pattern: MetricPattern
    """Finds the objective in a line of the training job's log."""
    space: Space
    seed: int | None
    max_jobs: int
    max_parallel: int
    max_runtime_s: int | None = None
    stops_early: bool = False
    target: float | None = None
    max_not_improving: int | None = None
    min_resource: int = 1
    max_resource: int = 1

    @classmethod
    def from_request(
        cls, *, name: str, config: Mapping[str, Any], definition: Mapping[str, Any]
    ) -> "TuningSpec":
        """Read HyperParameterTuningJobConfig and TrainingJobDefinition."""
        space = Space.from_request(config.get("ParameterRanges") or {})
        limits = config["ResourceLimits"]
        criteria = config.get("TuningJobCompletionCriteria") or {}
        minimum, maximum = resources_of(config, definition=definition)
        return cls(
            name=name,
            strategy=config["Strategy"],
            objective=objective_of(config),
            pattern=MetricPattern(metric_regex(definition, metric=objective_of(config).metric)),
            space=space,
            seed=config.get("RandomSeed"),
            max_jobs=int(min(limits.get("MaxNumberOfTrainingJobs") or MAX_TRAINING_JOBS, space.combinations)),
            max_parallel=limits["MaxParallelTrainingJobs"],
            max_runtime_s=limits.get("MaxRuntimeInSeconds"),
            stops_early=config.get("TrainingJobEarlyStoppingType") == "Auto",
            target=criteria.get("TargetObjectiveMetricValue"),
            max_not_improving=(criteria.get("BestObjectiveNotImproving") or {}).get(
                "MaxNumberOfTrainingJobsNotImproving"
            ),
            min_resource=minimum,
            max_resource=maximum or 1,
        )


def objective_of(config: Mapping[str, Any]) -> Objective:
    """Return the objective of HyperParameterTuningJobConfig."""
    objective = config["HyperParameterTuningJobObjective"]
    return Objective(metric=objective["MetricName"], maximize=objective["Type"] == "Maximize")


def shares_results(warm_start: Mapping[str, Any] | None) -> bool:
    """Tell whether the parents' objectives are comparable to ours (WarmStartConfig)."""
    return (warm_start or {}).get("WarmStartType") == "IdenticalDataAndAlgorithm"


def metric_regex(definition: Mapping[str, Any], *, metric: str) -> str:
    """Return the regular expression of a metric; raises KeyError where it is not among MetricDefinitions."""
    definitions = definition["AlgorithmSpecification"].get("MetricDefinitions") or ()
    return str({item["Name"]: item["Regex"] for item in definitions}[metric])


def resources_of(config: Mapping[str, Any], *, definition: Mapping[str, Any]) -> tuple[int, int | None]:
    """Return Hyperband's MinResource and MaxResource; the latter is None where it cannot be inferred."""
    given = (config.get("StrategyConfig") or {}).get("HyperbandStrategyConfig") or {}
    static = definition.get("StaticHyperParameters") or {}
    inferred = (static[name].strip('"') for name in EPOCH_PARAMETERS if name in static)
    maximum = given.get("MaxResource") or next((int(text) for text in inferred if text.isdigit()), None)
    return given.get("MinResource") or 1, maximum
