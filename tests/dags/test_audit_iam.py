"""audit_iam: its graph, its schedule, its form, and who hears of failures."""

from typing import Any

import pytest
from airflow.sdk.definitions.param import process_params
from airflow.sdk.exceptions import ParamValidationError

from musher.iam.findings import SEVERITIES
from musher.params.auditing import NEVER
from musher.settings import read_audit_schedule
from musher.stages.alerts import alert


@pytest.fixture
def dag(dag_bag: Any) -> Any:
    """The DAG."""
    return dag_bag.dags["audit_iam"]


def test_the_graph_is_the_documented_one(dag: Any) -> None:
    graph = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert graph == {"audit_account": {"judge_findings"}, "judge_findings": set()}


def test_it_runs_when_the_setting_says_so_and_never_twice_at_once(dag: Any) -> None:
    assert (dag.schedule, dag.max_active_runs) == (None, 1)
    assert read_audit_schedule({"MUSHER_AUDIT_SCHEDULE": " 0 6 * * 1 "}) == "0 6 * * 1"
    assert read_audit_schedule({"MUSHER_AUDIT_SCHEDULE": " "}) is None


def test_each_failure_is_told(dag: Any) -> None:
    for task in dag.tasks:
        assert task.on_failure_callback in (alert, [alert]), task.task_id


def test_the_form_has_the_severities_that_findings_have(dag: Any) -> None:
    assert set(dag.params.get_param("fail_on").schema["enum"]) == {*SEVERITIES, NEVER}


@pytest.mark.parametrize(
    "conf",
    [
        {"fail_on": "grave"},
        {"unused_days": 0},
        {"unused_days": 401},
        {"baseline_uri": "https://example.com/b.json"},
        {"baseline_uri": "s3://bucket/b.txt"},
        {"must_see_all": "yes"},
    ],
)
def test_a_wrong_form_is_refused(dag: Any, conf: dict[str, Any]) -> None:
    before = {name: dag.params[name] for name in conf}
    try:
        with pytest.raises(ParamValidationError):
            process_params(dag, dag.tasks[0], conf, suppress_exception=False)
    finally:
        for name, value in before.items():
            dag.params.get_param(name).value = value
