"""Refuse what a run's Params and data cannot do together, before the first job is paid for."""

from airflow.sdk import task

from musher.errors import PayloadError
from musher.hooks.weights import Weights
from musher.operators.base import fail_without_retry
from musher.payloads.tuning import IN_JOB, as_grid, check_batches
from musher.results import StagedDataset
from musher.stages.jobs import Result, choose_ranges, chosen_weights, training_options
from musher.stages.run import Run, current_run


@task(task_id="preflight", multiple_outputs=False)
def preflight(dataset: StagedDataset) -> StagedDataset:
    """Refuse a run that cannot succeed; hand on the data set to whatever is paid for."""
    with fail_without_retry():
        run = current_run()
        check_run(run, dataset=dataset, weights=chosen_weights(run))
    return dataset


def check_run(run: Run, *, dataset: Result, weights: Weights | None) -> None:
    """Raise PayloadError for the first contradiction; each stage's own checks stay as they are."""
    training_options(run, weights)
    strategy = run.params["tuning_strategy"]
    if strategy == "none":
        images, instances = dataset["images"]["train"], run.params["instance_count"]
        check_batches("batch_size", [run.params["batch_size"]], images=images, instances=instances)
        return
    ranges = choose_ranges(run, dataset=dataset)
    if strategy == "Grid":
        as_grid(ranges, trials=run.params["tuning_trials"])
    if strategy == IN_JOB and not run.params["freeze_backbone"]:
        raise PayloadError(
            "tuning_strategy in_job makes its trials on a frozen backbone's features. "
            "Set freeze_backbone, or choose Random, Bayesian, Grid or Hyperband."
        )
