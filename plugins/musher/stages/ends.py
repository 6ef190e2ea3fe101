"""The first and the last task of a run, which do nothing: what they set up and judge is the run itself."""

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator

from musher.stages.failures import LAST_TASK


def start_run() -> BaseOperator:
    """Return the first task: what it sets up is what `report` and `teardown` end."""
    first: Any = EmptyOperator(task_id="run_started")
    setup: BaseOperator = first.as_setup()
    return setup


def end_run() -> BaseOperator:
    """Return the last task, which runs where all stages were good.

    Airflow judges a run by its last tasks, and the report and the teardown succeed after failures, too.
    """
    return EmptyOperator(task_id=LAST_TASK)
