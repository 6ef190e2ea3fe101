"""Which tasks of the run failed, and why: what the report shows and the teardown goes by."""

from typing import TYPE_CHECKING

from musher.results import REASON_KEY

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol


def failures_of_run(instance: "RuntimeTaskInstanceProtocol") -> dict[str, str | None]:
    """Return the reason, where one is known, of each task of the instance's run that failed."""
    states = instance.get_task_states(dag_id=instance.dag_id, run_ids=[instance.run_id])
    of_run = states.get(instance.run_id, {})
    failed = sorted(task_id for task_id, state in of_run.items() if state == "failed")
    return {task_id: instance.xcom_pull(task_ids=task_id, key=REASON_KEY) for task_id in failed}
