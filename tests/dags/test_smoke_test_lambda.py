"""smoke_test_lambda: its graph, its schedule, and who hears of failures."""

from typing import Any

import pytest

from musher.stages.alerts import alert

GRAPH = {
    "find_known_images": {"ask", "probe_concurrency"},
    "ask": {"judge_answers"},
    "judge_answers": {"probe_concurrency"},
    "probe_concurrency": set(),
}


@pytest.fixture
def dag(dag_bag: Any) -> Any:
    return dag_bag.dags["smoke_test_lambda"]


def test_the_graph_is_the_documented_one(dag: Any) -> None:
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == GRAPH


def test_it_runs_daily_and_never_twice_at_once(dag: Any) -> None:
    assert (dag.schedule, dag.max_active_runs) == ("@daily", 1)


def test_each_failure_is_told(dag: Any) -> None:
    for task in dag.tasks:
        callback = task.on_failure_callback
        assert callback in (alert, [alert]), task.task_id
