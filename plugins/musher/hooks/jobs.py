"""Stop what a run left running: its training, tuning, transform and processing jobs, all attempts of them."""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from musher import names
from musher.hooks.calls import hold
from musher.hooks.sagemaker import MISSING_CODES, MusherSageMakerHook
from musher.hooks.sharing import leave

logger = logging.getLogger(__name__)

LIVE = "InProgress"
"""The status in which a job goes on until somebody stops it; one that is Stopping ends by itself."""

Description = dict[str, Any]


def stop_training_jobs(hook: MusherSageMakerHook, *, name: str, tag: str | None = None) -> list[str]:
    """Stop the live ones of the training jobs `name`, `name`-2, ...; return what was stopped.

    `tag` is this run's mark on a job that runs share: it is taken off, and those for which no other run
    waits are stopped.
    """
    found = attempts(hook.find_training_job, name, limit=names.MAX_SAGEMAKER_NAME)
    stopped = []
    for job in (job for job in found if job["TrainingJobStatus"] == LIVE):
        job_name = job["TrainingJobName"]
        if tag and not hold(hook.conn, leave(arn=job["TrainingJobArn"], tag=tag)):
            logger.info("%s: left to the other runs that wait for it", job_name)
            continue
        _stop(partial(hook.conn.stop_training_job, TrainingJobName=job_name), what=job_name)
        stopped.append(f"training job {job_name}")
    return stopped


def stop_tuning_jobs(hook: MusherSageMakerHook, *, name: str) -> list[str]:
    """Stop the live ones of the tuning jobs `name`, `name`-2, ... and with them their trials."""
    found = attempts(hook.find_tuning_job, name, limit=names.MAX_TUNING_NAME)
    stop, member = hook.conn.stop_hyper_parameter_tuning_job, "HyperParameterTuningJob"
    return [f"tuning job {job_name}" for job_name in _stop_live(found, stop, member=member)]


def stop_transform_jobs(hook: MusherSageMakerHook, *, name: str) -> list[str]:
    """Stop the live ones of the batch transform jobs `name`, `name`-2, ...; return what was stopped."""
    found = attempts(hook.find_transform_job, name, limit=names.MAX_SAGEMAKER_NAME)
    stop = hook.conn.stop_transform_job
    return [f"transform job {job_name}" for job_name in _stop_live(found, stop, member="TransformJob")]


def stop_processing_jobs(hook: MusherSageMakerHook, *, name: str) -> list[str]:
    """Stop the live ones of the processing jobs `name`, `name`-2, ...; return what was stopped."""
    found = attempts(hook.find_processing_job, name, limit=names.MAX_SAGEMAKER_NAME)
    stop = hook.conn.stop_processing_job
    return [f"processing job {job_name}" for job_name in _stop_live(found, stop, member="ProcessingJob")]


def _stop_live(jobs: Iterable[Description], stop: Callable[..., Any], *, member: str) -> list[str]:
    """Stop those that are live; return their names. `member` is what AWS's members of a job begin with."""
    live = [job[f"{member}Name"] for job in jobs if job[f"{member}Status"] == LIVE]
    for job_name in live:
        _stop(partial(stop, **{f"{member}Name": job_name}), what=job_name)
    return live


def _stop(stop: Callable[[], Any], *, what: str) -> None:
    """Ask for a job's end; one that has ended meanwhile, or was told so by a try of this call, is fine."""
    try:
        stop()
    except ClientError as error:
        if error.response["Error"]["Code"] not in MISSING_CODES:
            raise
        logger.warning("%s: ends already: %s", what, error)
    else:
        logger.warning("%s: was still running, told to stop", what)


def attempts(find: Callable[[str], Description | None], name: str, *, limit: int) -> Iterator[Description]:
    """Give the descriptions of job, job-2, job-3, ... as far as they exist."""
    while description := find(name):
        yield description
        name = names.next_attempt(name, limit=limit)
