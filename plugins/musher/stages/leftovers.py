"""What a run leaves: how its jobs, deployment and logs are removed, and how its releases are undone."""

import logging
from functools import partial
from typing import TYPE_CHECKING

from musher import names
from musher.hooks.alarms import remove_alarms
from musher.hooks.autoscaling import stop_scaling
from musher.hooks.connection import (
    autoscaling_hook,
    cloudwatch_hook,
    ec2_hook,
    lambda_hook,
    logs_hook,
    sagemaker_hook,
)
from musher.hooks.ec2 import terminate_instances
from musher.hooks.endpoints import remove_endpoint
from musher.hooks.function_scaling import stop_scaling_function
from musher.hooks.functions import remove_function
from musher.hooks.jobs import stop_processing_jobs, stop_training_jobs, stop_transform_jobs, stop_tuning_jobs
from musher.hooks.log_groups import remove_log_group
from musher.hooks.releases import confirm_alias, confirm_endpoint, put_alias_back, put_endpoint_back
from musher.hooks.sharing import waiting_tag
from musher.payloads.alarms import alarm_names
from musher.payloads.autoscaling import scaling_alarms
from musher.payloads.choices import WORKER
from musher.stages.removal import Removal, removal, removals_of_versions
from musher.stages.run import Run

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol


logger = logging.getLogger(__name__)

EMBED_REQUEST = "embed.request_features"
"""The task that returns the request of the job which runs share."""


def running_jobs(run: Run, instance: "RuntimeTaskInstanceProtocol") -> list[Removal]:
    """Return how the jobs that this run alone waits for are stopped; they bill by the second."""
    hook = sagemaker_hook(run.settings)
    training = [
        names.training_job(run.settings, slug=run.slug),
        names.search_job(run.settings, slug=run.slug),
        names.champion_job(run.settings, slug=run.slug),
    ]
    tuning = names.tuning_job(run.settings, slug=run.slug)
    return [
        Removal(what=f"tuning job {tuning}", remove=partial(stop_tuning_jobs, hook, name=tuning)),
        *(
            Removal(what=f"training job {name}", remove=partial(stop_training_jobs, hook, name=name))
            for name in training
        ),
        *(running_instances(run) if run.params.get("train_on_ec2") else []),
        *batch_jobs(run),
        *load_jobs(run),
        *shared_jobs(run, instance),
    ]


def batch_jobs(run: Run) -> list[Removal]:
    """Return how a batch transform job is stopped, and its model removed, which nothing else uses."""
    if not run.params["batch_input"]:
        return []
    hook, job = sagemaker_hook(run.settings), names.batch_job(run.settings, slug=run.slug)
    prefix = names.batch_models(run.settings, slug=run.slug)
    return [
        Removal(what=f"transform job {job}", remove=partial(stop_transform_jobs, hook, name=job)),
        *removals_of_versions(hook, prefix=prefix, kinds=["Model"]),
    ]


def load_jobs(run: Run) -> list[Removal]:
    """Return how the processing job is stopped that sends the run's load, if one does."""
    if run.params["load_test_on"] == WORKER:
        return []
    hook, job = sagemaker_hook(run.settings), names.load_job(run.settings, slug=run.slug)
    return [Removal(what=f"processing job {job}", remove=partial(stop_processing_jobs, hook, name=job))]


def running_instances(run: Run) -> list[Removal]:
    """Return how the run's EC2 instances are terminated, if any are left: they end by themselves."""
    remove = partial(terminate_instances, ec2_hook(run.settings), project=run.settings.project, slug=run.slug)
    return [Removal(what="EC2 instances", remove=remove)]


def shared_jobs(run: Run, instance: "RuntimeTaskInstanceProtocol") -> list[Removal]:
    """Return how the job that computes features is stopped: unless another run waits for it, too."""

    def leave() -> list[str]:
        request = instance.xcom_pull(task_ids=EMBED_REQUEST)
        if not request:
            return []
        name, hook = str(request["TrainingJobName"]), sagemaker_hook(run.settings)
        return stop_training_jobs(hook, name=name, tag=waiting_tag(run.slug))

    return [Removal(what="the job that computes features", remove=leave)]


def deployment(run: Run) -> list[Removal]:
    """Return how endpoint, function, configuration and model of the run are removed."""
    name, function, delay_s = run.endpoint_name, run.function_name, run.settings.poll_interval_s
    hook, functions = sagemaker_hook(run.settings), lambda_hook(run.settings)
    scaler, alarms = autoscaling_hook(run.settings), scaling_alarms(name)
    return [
        removal("scaling of", name, partial(stop_scaling, scaler, endpoint_name=name)),
        removal("endpoint", name, partial(remove_endpoint, hook, name=name, delay_s=delay_s)),
        removal("function", function, partial(remove_function, functions, name=function)),
        Removal(what="alarms", remove=partial(remove_alarms, cloudwatch_hook(run.settings), names=alarms)),
        *removals_of_versions(hook, prefix=names.endpoint_versions(run.settings, slug=run.slug)),
    ]


def undoings(run: Run) -> list[Removal]:
    """Return how what served before the run serves again; only what the run itself has made is removed."""
    settings, endpoint, function = run.settings, run.endpoint_name, run.function_name
    put_endpoint = partial(
        put_endpoint_back,
        sagemaker_hook(settings),
        end_watch=partial(end_watch, run),
        scaler=autoscaling_hook(settings),
        name=endpoint,
        versions=names.endpoint_versions(settings, slug=run.slug),
        delay_s=settings.poll_interval_s,
    )
    put_alias = partial(
        put_alias_back,
        lambda_hook(settings),
        name=function,
        slug=run.slug,
        delay_s=settings.poll_interval_s,
        end_watch=partial(remove_alarms, cloudwatch_hook(settings), names=names.function_alarms(function)),
        end_scaling=partial(stop_scaling_function, autoscaling_hook(settings), name=function),
    )
    return [
        Removal(what=f"endpoint {endpoint}", remove=put_endpoint),
        Removal(what=f"function {function}", remove=put_alias),
    ]


def end_watch(run: Run) -> None:
    """End the scaling of the live endpoint, and remove its alarms: nothing is left to watch."""
    settings = run.settings
    stop_scaling(autoscaling_hook(settings), endpoint_name=run.endpoint_name)
    remove_alarms(cloudwatch_hook(settings), names=alarm_names(settings))


def confirm(run: Run) -> None:
    """Keep what a good run has released from being taken back, should somebody clear the run later."""
    versions = names.endpoint_versions(run.settings, slug=run.slug)
    confirm_endpoint(sagemaker_hook(run.settings), name=run.endpoint_name, versions=versions)
    confirm_alias(lambda_hook(run.settings), name=run.function_name)


def logs(run: Run) -> list[Removal]:
    """Return how the log groups of endpoint and function are removed.

    Those of a run that failed stay, for whoever looks for the cause, until their lines expire.
    """
    hook = logs_hook(run.settings)
    groups = (
        names.endpoint_log_group(run.endpoint_name),
        names.function_log_group(run.function_name),
    )
    return [removal("log group", group, partial(remove_log_group, hook, group=group)) for group in groups]
