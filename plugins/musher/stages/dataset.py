"""Stage: bring a data set into the project's bucket, as shards and a manifest."""

from airflow.sdk import Asset, get_current_context, task

from musher import names
from musher.hooks.connection import s3_hook
from musher.operators.base import fail_without_retry
from musher.results import StagedDataset
from musher.stages.run import current_run

STAGED = Asset("musher-dataset")
"""What each staging updates, for DAGs of yours to be scheduled on; an event's extra names the data."""


@task(multiple_outputs=False, outlets=[STAGED])
def stage_dataset() -> StagedDataset:
    """Stage Param `source`; return the data set's id, hash, counts and S3 addresses."""
    from musher.datasets.s3_connection import S3Connection  # obstore, Pillow and the sources are no
    from musher.datasets.splitting import SplitShares  # business of the DAG's parse
    from musher.datasets.staging import StagingRules, stage
    from musher.stages.account_checks import refuse_denied_source
    from musher.stages.param_names import refuse_unknown_params

    with fail_without_retry():
        run = current_run()
        refuse_unknown_params(run.unknown_params)
        params = run.params
        hook = s3_hook(run.settings)
        refuse_denied_source(run.settings, source=params["source"], s3=hook.get_conn())
        dataset = stage(
            s3=S3Connection(client=hook.get_conn(), session=hook.get_session(), verify=hook.verify),
            bucket=names.bucket(run.settings),
            prefix=run.settings.project,
            source=params["source"],
            rules=StagingRules(
                max_unreadable=params["max_unreadable"],
                max_duplicates=params["max_duplicates"],
                shares=SplitShares(
                    valid=params["split_valid"], test=params["split_test"], seed=params["split_seed"]
                ),
            ),
        )
        get_current_context()["outlet_events"][STAGED].extra = {
            "dataset_id": dataset["dataset_id"],
            "data_hash": dataset["data_hash"],
            "name": dataset["name"],
            "manifest_uri": dataset["manifest_uri"],
        }
        return dataset
