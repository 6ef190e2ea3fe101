"""How a tuning job ends, in AWS's words. Pure."""

from collections.abc import Sequence

from localaws.sagemaker.tuning.trial import Trial

ATTEMPTS = 5
"""Training jobs without a result after which no more are launched."""
ALL_FAILED = "All training jobs failed. Please take a look at the training jobs failures to get more details."
NONE_SUCCEEDED = (
    "No training job succeeded after {count} attempts. For additional details, please take a look at the "
    "training job failures by listing training jobs for the hyperparameter tuning job."
)
NO_OBJECTIVE = (
    "No objective metrics found after running {count} training jobs. Please ensure that the custom algorithm "
    "is emitting the objective metric as defined by the regular expression provided."
)


def is_hopeless(trials: Sequence[Trial]) -> bool:
    """Tell whether enough training jobs have ended, and none with an objective, to launch no more."""
    ended = [trial for trial in trials if trial.has_ended]
    return len(ended) >= ATTEMPTS and all(trial.result is None for trial in ended)


def failure_reason(trials: Sequence[Trial]) -> str | None:
    """Return the FailureReason when all training jobs have ended, or None if one gave an objective."""
    if any(trial.result is not None for trial in trials):
        return None
    if any(trial.status != "Failed" for trial in trials) or not trials:
        return NO_OBJECTIVE.format(count=len(trials))
    return NONE_SUCCEEDED.format(count=ATTEMPTS) if len(trials) >= ATTEMPTS else ALL_FAILED
