"""train_on_ec2: its graph, its form, and that an instance is ended whatever happens."""

from typing import Any

import pytest
from airflow.sdk.exceptions import ParamValidationError

from musher.operators.ec2 import RunTrainingInstanceOperator

GRAPH = {
    "run_started": {"stage_dataset", "report", "teardown"},
    "stage_dataset": {"train_on_ec2.request_instance", "report"},
    "train_on_ec2.request_instance": {"train_on_ec2.run_instance"},
    "train_on_ec2.run_instance": {"train_on_ec2.read_figures"},
    "train_on_ec2.read_figures": {"report", "run_succeeded", "teardown"},
    "run_succeeded": set(),
    "report": set(),
    "teardown": set(),
}


@pytest.fixture
def dag(dag_bag: Any) -> Any:
    return dag_bag.dags["train_on_ec2"]


def test_the_graph_is_the_documented_one(dag: Any) -> None:
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == GRAPH


@pytest.mark.parametrize("task_id", ["report", "teardown"])
def test_instances_are_ended_and_reported_whatever_happens(dag: Any, task_id: str) -> None:
    task = dag.get_task(task_id)
    assert (task.is_teardown, task.on_failure_fail_dagrun) == (True, True)
    assert "run_started" in task.upstream_task_ids
    assert dag.get_task("run_started").is_setup


def test_the_instance_s_own_limit_bounds_the_wait(dag: Any) -> None:
    task = dag.get_task("train_on_ec2.run_instance")
    assert isinstance(task, RunTrainingInstanceOperator)
    assert task.execution_timeout is None
    assert dag.dagrun_timeout is None


def test_the_defaults_are_the_digits_on_the_reference_s_instance(dag: Any) -> None:
    defaults = dag.params.dump()
    assert (defaults["source"], defaults["ec2_instance_type"]) == ("digits", "m5.xlarge")
    assert defaults["ec2_image"].startswith("/aws/service/ami-amazon-linux-latest/")
    assert (defaults["ec2_use_spot"], defaults["max_runtime_s"]) == (False, 3600)
    assert "train_on_ec2" not in defaults


def test_both_dags_ask_for_an_instance_by_the_same_names(dag: Any, dag_bag: Any) -> None:
    main = dag_bag.dags["operationalize_model"].params
    assert {name for name in dag.params if name.startswith("ec2_")} == {
        name for name in main if name.startswith("ec2_")
    }
    assert main.dump()["train_on_ec2"] is False
    for name in dag.params:
        assert dag.params.get_param(name).schema == main.get_param(name).schema


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ec2_instance_type", "m5"),
        ("ec2_instance_type", "M5.XLARGE"),
        ("ec2_image", "ami-0123456789abcdef0"),
        ("ec2_image", "/my/own/parameter"),
        ("ec2_volume_gb", 7),
        ("ec2_volume_gb", "40"),
        ("ec2_use_spot", "yes"),
        ("max_runtime_s", 59),
    ],
)
def test_bad_values_are_refused_before_any_task(dag: Any, name: str, value: object) -> None:
    with pytest.raises(ParamValidationError):
        dag.params.get_param(name).resolve(value)
