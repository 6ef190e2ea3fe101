"""The graph of notebook_instance, and that a wrong form is refused."""

from typing import Any

import pytest
from airflow.sdk.definitions.param import process_params
from airflow.sdk.exceptions import ParamValidationError

from musher.operators.notebooks import NotebookOperator
from musher.stages.notebook import FIRST_TASKS

GRAPH = {
    "choose_action": {"check_notebook", "stop_notebook", "delete_notebook"},
    "check_notebook": {"request_notebook"},
    "request_notebook": {"start_notebook"},
    "start_notebook": {"open_notebook"},
    "open_notebook": set(),
    "stop_notebook": set(),
    "delete_notebook": set(),
}


@pytest.fixture
def dag(dag_bag: Any) -> Any:
    """The DAG."""
    return dag_bag.dags["notebook_instance"]


def test_the_graph_is_the_documented_one(dag: Any) -> None:
    assert {task.task_id: set(task.downstream_task_ids) for task in dag.tasks} == GRAPH


def test_each_action_of_the_form_has_a_way(dag: Any) -> None:
    assert set(FIRST_TASKS) == set(dag.params.get_param("action").schema["enum"])
    assert set(FIRST_TASKS.values()) == GRAPH["choose_action"]


def test_the_longest_wait_is_shorter_than_what_airflow_gives_the_task(dag: Any) -> None:
    """A deletion may wait for a start, a stop and its own end."""
    longest_s = 2400 + 2400 + 1200
    for task in dag.tasks:
        if isinstance(task, NotebookOperator):
            assert task.execution_timeout.total_seconds() > longest_s, task.task_id


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("action", "restart"),
        ("instance_type", "t3.medium"),
        ("volume_gb", 4),
        ("volume_gb", 16385),
        ("idle_minutes", 5),
        ("idle_minutes", 1441),
        ("time_to_live_h", 0),
        ("name", "not/a/name"),
        ("name", "a--b-"),
    ],
)
def test_a_wrong_form_is_refused_before_any_task(dag: Any, name: str, value: Any) -> None:
    with pytest.raises(ParamValidationError, match=name):
        process_params(dag, dag.tasks[0], {name: value}, suppress_exception=False)
