"""Stage: stop and remove what the run left, whatever became of it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from musher import names
from musher.errors import TeardownError
from musher.hooks.connection import lambda_hook, logs_hook, sagemaker_hook
from musher.hooks.endpoints import remove_endpoint, remove_endpoint_config, remove_model
from musher.hooks.functions import remove_function
from musher.hooks.jobs import stop_training_jobs, stop_tuning_jobs
from musher.hooks.log_groups import remove_log_group
from musher.hooks.sharing import waiting_tag
from musher.stages.failures import LAST_TASK, failures_of_run, states_of_run
from musher.stages.run import Run, current_run

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol

logger = logging.getLogger(__name__)

EMBED_REQUEST = "embed.request_features"
"""The task that returns the request of the job which runs share."""


@dataclass(frozen=True, kw_only=True)
class Removal:
    """One thing that may be there, and how it is stopped or removed; `remove` returns what was there."""

    what: str
    remove: Callable[[], list[str]]


@task(task_id="teardown", multiple_outputs=False)
def teardown() -> list[str]:
    """Stop the run's live jobs, then remove endpoint, function, configuration, model and logs.

    Everything is tried, the dearest first, and what fails is reported together. This task's own failure
    fails the run, as something that costs may be left. Returns what was stopped and removed.
    """
    run, instance = current_run(), get_current_context()["ti"]
    jobs = live_jobs(run, instance)
    if run.params["keep_resources"]:
        name = names.endpoint(run.settings, slug=run.slug)
        remove_all(jobs)
        refuse_green(instance)
        logger.warning("%s: keep_resources is set: endpoint and function stay, and cost, until deleted", name)
        raise AirflowSkipException(f"kept {name}, as keep_resources asks")
    removed = remove_all([*jobs, *deployment(run)])
    if not failures_of_run(instance):
        removed += remove_all(logs(run))
    refuse_green(instance)
    return removed


def refuse_green(instance: "RuntimeTaskInstanceProtocol") -> None:
    """Fail where somebody ended the run by hand: Airflow skips the stages, and would call it a success.

    Where no task ran at that moment, its states do not tell a mark as failed from one as a success.
    """
    if states_of_run(instance).get(LAST_TASK) == "skipped":
        raise AirflowFailException("the run was ended by hand; what it left was stopped and removed")


def remove_all(removals: Sequence[Removal]) -> list[str]:
    """Try every removal; return what was there, or raise TeardownError with all that failed."""
    removed: list[str] = []
    failures: list[str] = []
    for removal in removals:
        try:
            removed += removal.remove()
        except Exception as error:  # noqa: BLE001  # whatever it is, the others must be tried
            logger.error("%s: not removed: %s", removal.what, error)
            failures.append(f"{removal.what}: {error}")
    if failures:
        raise TeardownError(
            f"{len(failures)} of {len(removals)} removals failed, what they name may still cost:\n"
            + "\n".join(failures)
            + "\nClear this task to try again, or remove them by hand."
        )
    return removed


def live_jobs(run: Run, instance: "RuntimeTaskInstanceProtocol") -> list[Removal]:
    """Return how the jobs that this run alone waits for are stopped; they bill by the second."""
    hook = sagemaker_hook(run.settings)
    training = [
        names.training_job(run.settings, slug=run.slug),
        names.search_job(run.settings, slug=run.slug),
    ]
    tuning = names.tuning_job(run.settings, slug=run.slug)
    return [
        Removal(what=f"tuning job {tuning}", remove=partial(stop_tuning_jobs, hook, name=tuning)),
        *(
            Removal(what=f"training job {name}", remove=partial(stop_training_jobs, hook, name=name))
            for name in training
        ),
        *shared_jobs(run, instance),
    ]


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
    settings = run.settings
    name, function = names.endpoint(settings, slug=run.slug), names.function(settings, slug=run.slug)
    hook, functions = sagemaker_hook(settings), lambda_hook(settings)
    steps: list[tuple[str, str, Callable[[], bool]]] = [
        ("endpoint", name, partial(remove_endpoint, hook, name=name, delay_s=settings.poll_interval_s)),
        ("function", function, partial(remove_function, functions, name=function)),
        ("endpoint configuration", name, partial(remove_endpoint_config, hook, name=name)),
        ("model", name, partial(remove_model, hook, name=name)),
    ]
    return [_removal(kind, subject, remove) for kind, subject, remove in steps]


def logs(run: Run) -> list[Removal]:
    """Return how the log groups of endpoint and function are removed.

    Those of a run that failed stay, for whoever looks for the cause, until their lines expire.
    """
    hook = logs_hook(run.settings)
    groups = (
        names.endpoint_log_group(names.endpoint(run.settings, slug=run.slug)),
        names.function_log_group(names.function(run.settings, slug=run.slug)),
    )
    return [_removal("log group", group, partial(remove_log_group, hook, group=group)) for group in groups]


def _removal(kind: str, subject: str, remove: Callable[[], bool]) -> Removal:
    """Return the removal of one named thing."""
    what = f"{kind} {subject}"
    return Removal(what=what, remove=lambda: [what] if remove() else [])
