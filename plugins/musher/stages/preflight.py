"""Refuse what a run's Params and data cannot do together, before the first job is paid for."""

from musher.errors import PayloadError
from musher.payloads.tuning import IN_JOB, as_grid
from musher.stages.jobs import Result, check_batch_size, choose_ranges, chosen_weights, training_options
from musher.stages.run import Run


def check_run(run: Run, *, dataset: Result) -> None:
    """Raise PayloadError for the first contradiction; each stage's own checks stay as they are."""
    training_options(run, chosen_weights(run))
    strategy = run.params["tuning_strategy"]
    if strategy == "none":
        check_batch_size(run, dataset=dataset)
        return
    ranges = choose_ranges(run, dataset=dataset)
    if strategy == "Grid":
        as_grid(ranges, trials=run.params["tuning_trials"])
    if strategy == IN_JOB and not run.params["freeze_backbone"]:
        raise PayloadError(
            "tuning_strategy in_job makes its trials on a frozen backbone's features. "
            "Set freeze_backbone, or choose Random, Bayesian, Grid or Hyperband."
        )
