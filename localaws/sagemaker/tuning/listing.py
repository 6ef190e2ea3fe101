"""The list of a tuning job's training jobs: filtered and sorted. Pure."""

from collections.abc import Callable, Sequence
from typing import Any

from localaws.sagemaker.tuning.trial import Trial


def list_trials(
    trials: Sequence[Trial], *, sort_by: str, is_descending: bool, status: str | None
) -> list[Trial]:
    """Return what ListTrainingJobsForHyperParameterTuningJob lists, of one status or of all.

    Sorted by FinalObjectiveMetricValue, those without an objective are left out.
    """
    found = [trial for trial in trials if status in (None, trial.status)]
    if sort_by == "FinalObjectiveMetricValue":
        found = [trial for trial in found if trial.result is not None]
    keys: dict[str, Callable[[Trial], Any]] = {
        "Name": lambda trial: trial.job.training_job_name,
        "CreationTime": lambda trial: (trial.job.creation_time, trial.number),
        "Status": lambda trial: (trial.status, trial.number),
        "FinalObjectiveMetricValue": lambda trial: (trial.result, trial.number),
    }
    return sorted(found, key=keys[sort_by], reverse=is_descending)
