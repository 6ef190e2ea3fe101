"""Stage: remove what the run deployed, whatever became of the run."""

import logging
from typing import Any

from airflow.sdk import BaseOperator, task
from airflow.sdk.exceptions import AirflowSkipException

from musher import names
from musher.hooks.connection import lambda_hook, sagemaker_hook
from musher.hooks.endpoints import remove_endpoint_and_model
from musher.hooks.sagemaker import found_or_none
from musher.stages.run import Run, current_run

logger = logging.getLogger(__name__)


def teardown(after: Any) -> Any:
    """Remove the run's resources after `after`, and also when a stage between failed.

    Every task that is marked as a setup is paired with this one: it runs if any of them succeeded. Its own
    failure fails the run, as something that costs may be left. Airflow then judges a run by its teardown and
    by what is not before the teardown, so the last stage must stand beside it, or its failure is not seen.
    """
    removed = remove_resources()
    [(operator, _)] = removed.iter_references()
    tasks = operator.dag.tasks if operator.dag else []
    after >> removed
    setups = [found for found in tasks if isinstance(found, BaseOperator) and found.is_setup]
    return removed.as_teardown(setups=setups, on_failure_fail_dagrun=True)


@task(task_id="teardown", multiple_outputs=False)
def remove_resources() -> list[str]:
    """Delete function, endpoint, configuration and model of the run; return what was there."""
    run = current_run()
    name = names.endpoint(run.settings, slug=run.slug)
    if run.params["keep_resources"]:
        logger.warning("%s: keep_resources is set: endpoint and function stay, and cost, until deleted", name)
        raise AirflowSkipException(f"kept {name}, as keep_resources asks")
    removed = ["function"] if remove_function(run) else []
    delay_s = run.settings.poll_interval_s
    return removed + remove_endpoint_and_model(sagemaker_hook(run.settings), name=name, delay_s=delay_s)


def remove_function(run: Run) -> bool:
    """Delete the run's function; return whether there was one."""
    hook = lambda_hook(run.settings)
    name = names.function(run.settings, slug=run.slug)
    is_there = hook.find_function(name) is not None
    if is_there:
        found_or_none(hook.conn.delete_function, FunctionName=name)
        logger.info("%s: removed function", name)
    return is_there
