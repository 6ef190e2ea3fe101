"""Which tasks of the run failed, and why: what the report shows and the teardown goes by."""

from typing import TYPE_CHECKING

from musher.results import REASON_KEY

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol


LAST_TASK = "run_succeeded"
"""The task that follows the stages. Only a person's mark on the run, as failed or as a success, skips it."""


def states_of_run(instance: "RuntimeTaskInstanceProtocol") -> dict[str, str | None]:
    """Return the state of each task of the instance's run."""
    states = instance.get_task_states(dag_id=instance.dag_id, run_ids=[instance.run_id])
    found: dict[str, str | None] = states.get(instance.run_id, {})
    return found


def failures_of_run(instance: "RuntimeTaskInstanceProtocol") -> dict[str, str | None]:
    """Return the reason, where one is known, of each task of the instance's run that failed."""
    states = states_of_run(instance)
    failed = sorted(task_id for task_id, state in states.items() if state == "failed")
    found = {task_id: instance.xcom_pull(task_ids=task_id, key=REASON_KEY) for task_id in failed}
    if states.get(LAST_TASK) == "skipped":
        found[LAST_TASK] = "Somebody ended the run by hand: what had not begun was skipped."
    return found
