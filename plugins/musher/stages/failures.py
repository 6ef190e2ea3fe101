"""Which tasks of the run failed, and why: what the report shows and the teardown goes by."""

from typing import TYPE_CHECKING

from musher.results import REASON_KEY

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol


LAST_TASK = "run_succeeded"
"""The task that follows the stages. Only a person's mark on the run, as failed or as a success, skips it."""


GUARD = "require_new_data"
"""The task of retrain_on_schedule that ends the run, as a success, where there is nothing to do."""


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
    if is_ended_by_hand(instance):
        found[LAST_TASK] = "Somebody ended the run by hand: what had not begun was skipped."
    return found


def reason_to_rest(instance: "RuntimeTaskInstanceProtocol") -> str | None:
    """Return why the instance's run had nothing to do; None where it had."""
    if states_of_run(instance).get(GUARD) != "success":
        return None
    found: str | None = instance.xcom_pull(task_ids=GUARD, key=REASON_KEY)
    return found


def is_ended_by_hand(instance: "RuntimeTaskInstanceProtocol") -> bool:
    """Return whether a person's mark on the run has skipped what had not begun."""
    return states_of_run(instance).get(LAST_TASK) == "skipped" and reason_to_rest(instance) is None
