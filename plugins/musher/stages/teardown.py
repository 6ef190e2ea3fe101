"""Stage: stop and remove what the run left, and undo what it has released where it failed."""

import logging
from typing import TYPE_CHECKING

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from musher import names
from musher.ec2_results import EC2_TASKS
from musher.stages.failures import failures_of_run, is_ended_by_hand
from musher.stages.run import current_run

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol


logger = logging.getLogger(__name__)


@task(task_id="teardown", multiple_outputs=False)
def teardown() -> list[str]:
    """Stop the run's jobs; remove a trial's deployment; put back what a live run that failed has replaced.

    Everything is tried, the dearest first, and what fails is reported together. This task's own failure
    fails the run, as something that costs may be left. Returns what was stopped, removed and undone.
    """
    from musher.stages.leftovers import confirm, deployment, logs, running_jobs, undoings
    from musher.stages.removal import remove_all

    run, instance = current_run(), get_current_context()["ti"]
    jobs = running_jobs(run, instance)
    if run.is_live:
        removed = remove_all(jobs)
        if has_failed(instance):
            removed += remove_all(undoings(run))
        else:
            confirm(run)
            logger.warning("%s and %s stay in operation, and cost", run.endpoint_name, run.function_name)
    else:
        removed = remove_all([*jobs, *deployment(run)])
        if not failures_of_run(instance):
            removed += remove_all(logs(run))
    if run.params["capture_percent"]:
        captures = names.captures_uri(run.settings, endpoint_name=run.endpoint_name)
        logger.warning("what was captured of requests and answers stays, if any was: %s", captures)
    refuse_green(instance)
    return removed


def has_failed(instance: "RuntimeTaskInstanceProtocol") -> bool:
    """Return whether a stage has failed, or was ended by hand, that may harm users: no report does."""
    return bool(set(failures_of_run(instance)) - {"report", "teardown", *EC2_TASKS})


def refuse_green(instance: "RuntimeTaskInstanceProtocol") -> None:
    """Fail where somebody ended the run by hand: Airflow skips the stages, and would call it a success.

    Where no task ran at that moment, its states do not tell a mark as failed from one as a success.
    """
    if is_ended_by_hand(instance):
        raise AirflowFailException("the run was ended by hand; what it left was stopped and removed")
