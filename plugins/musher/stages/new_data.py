"""Stage: go on only where there is something new to learn; nothing is paid where there is not."""

import logging

from airflow.sdk import get_current_context, task

from musher import names
from musher.hooks.connection import sagemaker_hook
from musher.hooks.registry import find_refused
from musher.operators.base import fail_without_retry
from musher.results import REASON_KEY, StagedDataset
from musher.stages.champion import read_champion, recipe_of
from musher.stages.failures import GUARD
from musher.stages.run import Run, current_run

logger = logging.getLogger(__name__)


@task.short_circuit(task_id=GUARD, multiple_outputs=False, show_return_value_in_logs=False)
def require_new_data(dataset: StagedDataset) -> bool:
    """Return whether a model of these data can be news; False skips all that follows but the report.

    Trigger rules do not count for what is skipped so: some stages run after others that were skipped.
    """
    with fail_without_retry(dataset=dataset):
        reason = find_reason_to_rest(current_run(), dataset=dataset)
    if reason is None:
        return True
    logger.info("nothing to do, and nothing is paid: %s", reason)
    get_current_context()["ti"].xcom_push(key=REASON_KEY, value=reason)
    return False


def find_reason_to_rest(run: Run, *, dataset: StagedDataset) -> str | None:
    """Return why training would tell nothing new: the data are the live model's, or their model was refused.

    Without the second, a refused model would be trained and refused again at each time of the schedule.
    """
    hook, data_hash = sagemaker_hook(run.settings), dataset["data_hash"]
    champion = read_champion(hook, endpoint_name=run.endpoint_name, data_hash=data_hash)
    if champion and champion["is_same_data"]:
        return (
            f"{champion['config_name']}, which is live, was trained on the same data "
            f"({dataset['dataset_id']}). To train on them again, trigger operationalize_model."
        )
    group = names.package_group(run.settings)
    refused = find_refused(hook, group=group, data_hash=data_hash, recipe=recipe_of(run.params))
    if refused is None:
        return None
    return (
        f"version {refused['ModelPackageVersion']} of {group}, of the same data ({dataset['dataset_id']}) "
        f"and Params, was refused: {refused.get('ApprovalDescription', 'no reason is given')}. Change "
        "MUSHER_RETRAIN_CONF, or trigger operationalize_model."
    )
