"""### Take the live model out of operation

Removes all that `operationalize_model` leaves in operation, the dearest first: endpoint, function, alarms,
endpoint configurations, models and logs. **Users get errors from then on.** Data, training jobs' outputs,
reports and what was captured of requests stay in the bucket, so that a later run deploys again.

What cannot be removed fails the task and is named; clear it to try again.
"""

from airflow.sdk import dag

from musher.stages.releases import retire
from musher.task_defaults import TASK_DEFAULTS


@dag(
    schedule=None,
    catchup=False,
    doc_md=__doc__,
    dag_display_name="Retire the live model",
    tags=["musher"],
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
)
def retire_deployment() -> None:
    """Remove everything in one task: it tries all, whatever fails."""
    retire()


pipeline = retire_deployment()

if __name__ == "__main__":
    pipeline.test()
