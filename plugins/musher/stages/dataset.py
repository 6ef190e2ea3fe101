"""Stage: bring a data set into the project's bucket, as shards and a manifest."""

from airflow.sdk import task

from musher import names
from musher.hooks.connection import s3_hook
from musher.operators.base import fail_without_retry
from musher.results import StagedDataset
from musher.stages.run import current_run


@task(multiple_outputs=False)
def stage_dataset() -> StagedDataset:
    """Stage Param `source`; return the data set's id, hash, counts and S3 addresses."""
    from musher.datasets.s3_connection import S3Connection  # obstore, Pillow and the sources are no
    from musher.datasets.staging import stage  # business of the DAG's parse

    with fail_without_retry():
        run = current_run()
        hook = s3_hook(run.settings)
        return stage(
            s3=S3Connection(client=hook.get_conn(), session=hook.get_session(), verify=hook.verify),
            bucket=names.bucket(run.settings),
            prefix=run.settings.project,
            source=run.params["source"],
            max_unreadable=run.params["max_unreadable"],
        )
