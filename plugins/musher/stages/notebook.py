"""Stages of notebook_instance: what to do, what to refuse, what to ask for, and how to get in."""

import logging

from airflow.sdk import task

from musher.notebook_results import NotebookAddress, NotebookResult
from musher.operators.notebooks import DeleteNotebookOperator, StartNotebookOperator, StopNotebookOperator
from musher.params.notebook import DELETE, NOTEBOOK, START, STOP
from musher.results import Preflight, Request
from musher.stages.groups import output_of

logger = logging.getLogger(__name__)

NAME = "{{ params.name }}"
FIRST_TASKS = {START: "check_notebook", STOP: "stop_notebook", DELETE: "delete_notebook"}


@task.branch
def choose_action() -> str:
    """Return the task that does what the run was asked for; PreflightError for names that are no Params."""
    from musher.errors import PreflightError
    from musher.operators.base import fail_without_retry
    from musher.stages.run import current_run

    with fail_without_retry():
        run = current_run()
        if run.unknown_params:
            raise PreflightError(
                f"{', '.join(map(repr, run.unknown_params))}: no Params of this DAG, so they would have no "
                f"effect. It has {', '.join(NOTEBOOK)}."
            )
        return FIRST_TASKS[run.params["action"]]


@task(multiple_outputs=False)
def check_notebook() -> Preflight:
    """Raise PreflightError with all that keeps an instance from being had; return warnings and its price."""
    from musher.costs.prices import Use, describe_use
    from musher.errors import PreflightError
    from musher.operators.base import fail_without_retry
    from musher.stages.checks import describe_problems, look_at_all
    from musher.stages.notebook_plan import list_checks
    from musher.stages.run import current_run

    with fail_without_retry():
        run = current_run()
        problems, warnings = look_at_all(list_checks(run))
        if warnings:
            logger.warning("not checked: %s", "; ".join(warnings))
        if problems:
            raise PreflightError(describe_problems(problems))
        use = Use(what="notebook instance", instance_type=run.params["instance_type"], instances=1)
        logger.info("%s", describe_use(use))
        return {"warnings": warnings, "estimate": describe_use(use)}


@task(multiple_outputs=False, show_return_value_in_logs=False)
def request_notebook() -> Request:
    """Put the code where the instance fetches it; return the requests that create the instance."""
    from musher.operators.base import fail_without_retry
    from musher.stages.notebook_plan import plan_notebook, upload_code
    from musher.stages.run import current_run

    with fail_without_retry():
        run = current_run()
        return plan_notebook(run, code=upload_code(run.settings))


def start_notebook(requests: Request) -> NotebookResult:
    """Have the instance in service."""
    return output_of(StartNotebookOperator(task_id="start_notebook", config=requests), NotebookResult)


def stop_notebook() -> StopNotebookOperator:
    """Have it stopped."""
    return StopNotebookOperator(task_id="stop_notebook", name=NAME)


def delete_notebook() -> DeleteNotebookOperator:
    """Have it gone, with its files."""
    return DeleteNotebookOperator(task_id="delete_notebook", name=NAME)


@task(multiple_outputs=False, show_return_value_in_logs=False)
def open_notebook(notebook: NotebookResult) -> NotebookAddress | None:
    """Return an address that opens the instance, if the run asks for one: docs/adr/054."""
    from airflow.sdk.log import mask_secret

    from musher.hooks.connection import sagemaker_hook
    from musher.operators.base import fail_without_retry
    from musher.payloads.notebooks import SESSION_S, VALID_S
    from musher.stages.run import current_run

    with fail_without_retry(notebook=notebook):
        run, name = current_run(), notebook["name"]
        if not run.params["show_url"]:
            logger.info("%s: open it in AWS's console, or by `make notebook-url NAME=%s`", name, name)
            return None
        answer = sagemaker_hook(run.settings).conn.create_presigned_notebook_instance_url(
            NotebookInstanceName=name, SessionExpirationDurationInSeconds=SESSION_S
        )
        mask_secret(answer["AuthorizedUrl"])
        logger.info("%s: this task's result has an address that opens it within %d s", name, VALID_S)
        return NotebookAddress(url=answer["AuthorizedUrl"], valid_s=VALID_S, session_s=SESSION_S)
