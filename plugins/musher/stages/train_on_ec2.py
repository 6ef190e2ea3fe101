"""Stage: train on an EC2 instance, which ends itself, beside SageMaker's job or alone."""

import logging
from typing import Any, cast

from airflow.sdk import task

from musher.ec2_results import Ec2TrainingResult, InstanceJobResult
from musher.operators.base import fail_without_retry
from musher.operators.ec2 import RunTrainingInstanceOperator
from musher.results import Request, StagedDataset, TrainingJobResult, TuningResult
from musher.stages.groups import optional_request, output_of, stage_group
from musher.stages.run import current_run

logger = logging.getLogger(__name__)


@stage_group(display_name="train on EC2")
def train_on_ec2(
    dataset: StagedDataset, features: TrainingJobResult | None, tuning: TuningResult | None
) -> Ec2TrainingResult | None:
    """Train where the run asks for it; return the job with its figures, or None."""
    request: Any = request_instance(dataset, features, tuning)
    return run_instance(request)


@stage_group(group_id="train_on_ec2", display_name="train on EC2")
def train_on_ec2_alone(dataset: StagedDataset) -> Ec2TrainingResult | None:
    """Train; return the job with its figures."""
    request: Any = request_only_instance(dataset)
    return run_instance(request)


def run_instance(request: Request | None) -> Ec2TrainingResult | None:
    """Run the job, and read its figures, or hand on that there is none."""
    operator = RunTrainingInstanceOperator(task_id="run_instance", config=request)
    read: Any = read_figures(output_of(operator, InstanceJobResult))
    return cast(Ec2TrainingResult | None, read)


@optional_request(trigger_rule="none_failed")
def request_instance(
    dataset: StagedDataset, features: TrainingJobResult | None, tuning: TuningResult | None
) -> Request | None:
    """Return the RunInstances request, or None: then no instance is started."""
    from musher.stages.ec2_plan import request_training  # no business of the DAG's parse

    with fail_without_retry(dataset=dataset):
        run = current_run()
        if not run.params["train_on_ec2"]:
            logger.info("nothing is trained on EC2 (train_on_ec2)")
            return None
        return request_training(run, dataset=dataset, features=features, tuning=tuning)


@task(task_id="request_instance", multiple_outputs=False, show_return_value_in_logs=False)
def request_only_instance(dataset: StagedDataset) -> Request:
    """Return the RunInstances request, having looked for what would make it fail."""
    from musher.errors import PreflightError
    from musher.stages.checks import describe_problems, look_at_all
    from musher.stages.ec2_checks import list_ec2_checks
    from musher.stages.ec2_plan import choose_channels, request_training

    with fail_without_retry(dataset=dataset):
        run = current_run()
        channels = choose_channels(run, dataset=dataset, features=None)
        problems, warnings = look_at_all(list_ec2_checks(run.settings, run.params, channels=channels))
        if warnings:
            logger.warning("not checked: %s", "; ".join(warnings))
        if problems:
            raise PreflightError(describe_problems(problems))
        return request_training(run, dataset=dataset, features=None, tuning=None)


@task(trigger_rule="none_failed", multiple_outputs=False)
def read_figures(job: InstanceJobResult | None) -> Ec2TrainingResult | None:
    """Return the job with its accuracy on the test split and its price; None where it was skipped."""
    from musher.costs.ec2 import price_usd
    from musher.stages.outputs import EVALUATION, load_outputs

    if job is None:
        return None
    with fail_without_retry():
        settings = current_run().settings
        [found] = load_outputs(settings, output_uri=job["output_uri"], names=[EVALUATION])
        price = price_usd(instance_type=job["instance_type"], seconds=job["seconds"], is_spot=job["is_spot"])
        logger.info(
            "%s: test accuracy %.4f on %d images", job["job_name"], found["accuracy"], found["images"]
        )
        figures = {"accuracy": found["accuracy"], "loss": found["loss"], "images": found["images"]}
        return cast(Ec2TrainingResult, {**job, **figures, "price_usd": price})


@task(task_id="teardown", multiple_outputs=False)
def end_instances() -> list[str]:
    """Terminate what this run has left of instances, whatever became of it; return them."""
    from musher.stages.leftovers import running_instances
    from musher.stages.removal import remove_all

    return remove_all(running_instances(current_run()))
