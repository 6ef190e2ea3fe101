"""### Take the live model out of operation

Removes all that `operationalize_model` leaves in operation, the dearest first: endpoint, function, alarms,
endpoint configurations, models and logs. **Users get errors from then on.** Data, training jobs' outputs,
reports and what was captured of requests stay in the bucket, so that a later run deploys again.

What cannot be removed fails the task and is named; clear it to try again.
"""

from datetime import timedelta

from airflow.sdk import dag

from musher.stages.releases import retire


@dag(
    schedule=None,
    catchup=False,
    doc_md=__doc__,
    dag_display_name="Retire the live model",
    tags=["musher"],
    max_active_runs=1,
    default_args={
        "owner": "musher",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(hours=2),
    },
)
def retire_deployment() -> None:
    """Remove everything in one task: it tries all, whatever fails."""
    retire()


pipeline = retire_deployment()

if __name__ == "__main__":
    pipeline.test()
