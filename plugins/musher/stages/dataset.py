"""Stage: bring a data set into the project's bucket, as shards and a manifest."""

from typing import Any

from airflow.sdk import task

from musher import names
from musher.hooks.connection import s3_hook
from musher.operators.base import fail_without_retry
from musher.stages.run import current_run


@task(multiple_outputs=False)
def stage_dataset() -> dict[str, Any]:
    """Stage Param `source`; return the data set's id, hash, counts and S3 addresses."""
    from musher.datasets.staging import stage  # Pillow and the sources are no business of the DAG's parse

    with fail_without_retry():
        run = current_run()
        staged = stage(
            s3=s3_hook(run.settings).get_conn(),
            bucket=names.bucket(run.settings),
            prefix=run.settings.project,
            source=run.params["source"],
            max_unreadable=run.params["max_unreadable"],
        )
    return dict(staged)
