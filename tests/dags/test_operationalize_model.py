"""operationalize_model: its graph, its Params, and what decides about its success."""

from typing import Any

import pytest
from airflow.sdk.exceptions import ParamValidationError

GRAPH = {
    "stage_dataset": {"train.plan_job", "smoke_test", "report"},
    "train.plan_job": {"train.run_job"},
    "train.run_job": {"evaluate", "report"},
    "evaluate": {"deploy.plan_endpoint", "report"},
    "deploy.plan_endpoint": {"deploy.run_endpoint", "teardown"},
    "deploy.run_endpoint": {"deploy_lambda.plan_function", "report", "teardown"},
    "deploy_lambda.plan_function": {"deploy_lambda.run_function", "teardown"},
    "deploy_lambda.run_function": {"smoke_test", "report", "teardown"},
    "smoke_test": {"report", "teardown"},
    "report": set(),
    "teardown": set(),
}
SETUPS = {
    "deploy.plan_endpoint",
    "deploy.run_endpoint",
    "deploy_lambda.plan_function",
    "deploy_lambda.run_function",
}


@pytest.fixture
def dag(dag_bag: Any) -> Any:
    return dag_bag.dags["operationalize_model"]


def test_the_graph_is_the_documented_one(dag: Any) -> None:
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == GRAPH


def test_what_is_deployed_is_torn_down_whatever_happens(dag: Any) -> None:
    teardown = dag.get_task("teardown")
    assert teardown.is_teardown
    assert teardown.trigger_rule == "all_done_setup_success"
    assert {task.task_id for task in dag.tasks if task.is_setup} == SETUPS
    assert teardown.upstream_task_ids >= SETUPS


def test_a_failed_report_and_a_failed_teardown_both_fail_the_run(dag: Any) -> None:
    """With on_failure_fail_dagrun, Airflow overlooks every failure that stands only before the teardown."""
    assert dag.get_task("teardown").on_failure_fail_dagrun
    report = dag.get_task("report")
    assert report.downstream_task_ids == set()
    assert report.get_flat_relative_ids(upstream=True) == set(GRAPH) - {"report", "teardown"}


def test_the_defaults_are_the_digits_on_two_instances(dag: Any) -> None:
    defaults = dag.params.dump()
    assert (defaults["source"], defaults["architecture"], defaults["image_size"]) == (
        "digits",
        "small_cnn",
        16,
    )
    assert defaults["instance_count"] == 2
    assert not defaults["keep_resources"]


@pytest.mark.parametrize(
    "source",
    ["digits", "/data/dogs", "/data/dogs.zip", "file:///data/dogs", "s3://b/dogs", "https://host/dogs.zip"],
)
def test_sources_that_can_be_staged_are_taken(dag: Any, source: str) -> None:
    assert dag.params.get_param("source").resolve(source) == source


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source", ""),
        ("source", "letters"),
        ("source", "ftp://host/dogs.zip"),
        ("source", "s3://bucket"),
        ("architecture", "vgg16"),
        ("image_size", 7),
        ("image_size", "large"),
        ("epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0),
        ("learning_rate", 1.5),
        ("freeze_backbone", "no"),
        ("seed", -1),
        ("instance_type", "m5.xlarge"),
        ("instance_count", 0),
        ("instance_count", 9),
        ("instance_count", 1.5),
        ("max_runtime_s", 0),
        ("min_accuracy", 1.1),
        ("min_accuracy", None),
        ("endpoint_instance_type", "large"),
        ("endpoint_instance_count", 0),
        ("keep_resources", "yes"),
    ],
)
def test_bad_values_are_refused_before_any_task(dag: Any, name: str, value: object) -> None:
    with pytest.raises(ParamValidationError):
        dag.params.get_param(name).resolve(value)


def test_the_form_offers_what_train_py_takes(dag: Any) -> None:
    from imgclf.models import ARCHITECTURES, MAX_IMAGE_SIZE, MIN_IMAGE_SIZE

    size = dag.params.get_param("image_size").schema
    assert dag.params.get_param("architecture").schema["enum"] == list(ARCHITECTURES)
    assert MIN_IMAGE_SIZE <= size["minimum"] <= size["maximum"] <= MAX_IMAGE_SIZE
