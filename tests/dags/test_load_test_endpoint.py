"""load_test_endpoint: its graph and its form."""

from typing import Any

import pytest
from airflow.sdk.exceptions import ParamValidationError

GRAPH = {
    "run_started": {"load_job.request_load_of_target", "report"},
    "load_job.request_load_of_target": {"load_job.run_job"},
    "load_job.run_job": {"load_job.settle"},
    "load_job.settle": {"load_test"},
    "load_test": {"judge_load", "report"},
    "judge_load": {"report", "run_succeeded"},
    "run_succeeded": set(),
    "report": set(),
}


@pytest.fixture
def dag(dag_bag: Any) -> Any:
    return dag_bag.dags["load_test_endpoint"]


def test_the_graph_is_the_documented_one(dag: Any) -> None:
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == GRAPH


def test_a_report_is_written_of_what_missed_its_limits_too(dag: Any) -> None:
    report = dag.get_task("report")
    assert (report.is_teardown, report.on_failure_fail_dagrun) == (True, True)
    assert dag.get_task("run_succeeded").trigger_rule == "all_success"


def test_the_defaults_are_a_minute_of_the_live_endpoint(dag: Any) -> None:
    defaults = dag.params.dump()
    assert (defaults["target"], defaults["target_kind"], defaults["images"]) == (None, "endpoint", None)
    assert (defaults["load_test_s"], defaults["load_test_max_p99_ms"]) == (60, None)


def test_nothing_is_said_of_putting_back_where_nothing_is_deployed(dag: Any, dag_bag: Any) -> None:
    for name in ("load_test_max_p99_ms", "load_test_max_error_percent"):
        assert "put back" not in dag.params.get_param(name).schema["description_md"]
        main = dag_bag.dags["operationalize_model"].params.get_param(name)
        assert "What was live before is put back" in main.schema["description_md"]


def test_both_dags_ask_for_a_load_by_the_same_names(dag: Any, dag_bag: Any) -> None:
    main = {name for name in dag_bag.dags["operationalize_model"].params if name.startswith("load_test_")}
    assert {name for name in dag.params if name.startswith("load_test_")} == main


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target", "no spaces"),
        ("target", "a:b:c"),
        ("target_kind", "http"),
        ("images", "/photos"),
        ("load_test_on", "c5.xlarge"),
        ("load_test_on", "workers"),
        ("load_test_s", 0),
        ("load_test_s", 1.5),
    ],
)
def test_bad_values_are_refused_before_any_task(dag: Any, name: str, value: object) -> None:
    with pytest.raises(ParamValidationError):
        dag.params.get_param(name).resolve(value)
