"""operationalize_model: its graph, its Params, and what decides about its success."""

import json
from typing import Any

import pytest
from airflow.providers.standard.operators.python import ShortCircuitOperator
from airflow.sdk.exceptions import ParamValidationError

GRAPH = {
    "run_started": {"stage_dataset", "report", "teardown"},
    "stage_dataset": {
        "preflight",
        "embed.request_features",
        "tune.request_search",
        "tune.request_trials",
        "train.request_job",
        "train_on_ec2.request_instance",
        "register_model",
        "gate.find_champion",
        "gate.request_score",
        "batch.request_batch",
        "smoke_test",
        "load_job.request_load",
        "load_test",
        "report",
    },
    "preflight": {"build_image", "embed.request_features"},
    "build_image": {"register_model", "batch.request_batch", "deploy.request_endpoint"},
    "embed.request_features": {"embed.run_job"},
    "embed.run_job": {
        "tune.request_search",
        "tune.request_trials",
        "train.request_job",
        "train_on_ec2.request_instance",
        "report",
    },
    "tune.request_search": {"tune.run_search"},
    "tune.run_search": {"tune.gather_trials"},
    "tune.request_trials": {"tune.run_trials"},
    "tune.run_trials": {"tune.gather_trials"},
    "tune.gather_trials": {"train.request_job", "train_on_ec2.request_instance", "report"},
    "train.request_job": {"train.run_job"},
    "train.run_job": {"evaluate", "report"},
    "train_on_ec2.request_instance": {"train_on_ec2.run_instance"},
    "train_on_ec2.run_instance": {"train_on_ec2.read_figures"},
    "train_on_ec2.read_figures": {"report", "run_succeeded", "teardown"},
    "evaluate": {"register_model", "gate.judge", "report"},
    "register_model": {"gate.find_champion", "gate.judge"},
    "gate.find_champion": {"gate.request_score", "gate.judge"},
    "gate.request_score": {"gate.run_job"},
    "gate.run_job": {"gate.judge"},
    "gate.judge": {"gate.await_approval"},
    "gate.await_approval": {"batch.request_batch", "deploy.request_endpoint", "report"},
    "batch.request_batch": {"batch.run_job"},
    "batch.run_job": {"batch_settled", "report"},
    "batch_settled": {"report", "run_succeeded", "teardown"},
    "deploy.request_endpoint": {"deploy.watch_shadow", "deploy.run_endpoint"},
    "deploy.watch_shadow": {"deploy.run_endpoint", "report"},
    "deploy.run_endpoint": {
        "autoscale",
        "deploy_lambda.request_function",
        "load_job.request_load",
        "load_test",
        "report",
        "teardown",
    },
    "deploy_lambda.request_function": {"deploy_lambda.run_function"},
    "deploy_lambda.run_function": {"smoke_test", "report", "teardown"},
    "smoke_test": {"autoscale", "load_test", "report"},
    "autoscale": {"load_job.request_load", "load_test", "report"},
    "load_job.request_load": {"load_job.run_job"},
    "load_job.run_job": {"load_job.settle"},
    "load_job.settle": {"load_test"},
    "load_test": {"judge_load", "report"},
    "judge_load": {"report", "run_succeeded", "teardown"},
    "report": set(),
    "run_succeeded": set(),
    "teardown": set(),
}
SETUPS = {"run_started", "deploy.run_endpoint", "deploy_lambda.run_function"}
PAID = {
    "embed.run_job",
    "tune.run_search",
    "tune.run_trials",
    "train.run_job",
    "train_on_ec2.run_instance",
    "gate.run_job",
    "batch.run_job",
    "load_job.run_job",
    "deploy.watch_shadow",
    "deploy.run_endpoint",
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
    assert teardown.upstream_task_ids == SETUPS | {"judge_load", "batch_settled", "train_on_ec2.read_figures"}


def test_the_scaling_changes_only_once_the_model_has_answered(dag: Any) -> None:
    """A run that fails puts endpoint and alias back; bounds and policy of the scaling it could not."""
    assert "smoke_test" in dag.get_task("autoscale").upstream_task_ids


def test_teardown_and_report_run_from_the_first_task_on(dag: Any) -> None:
    """They run once one of their setups has succeeded, and the first task is one that does nothing."""
    first = dag.get_task("run_started")
    assert (first.is_setup, first.upstream_task_ids, first.task_type) == (True, set(), "EmptyOperator")
    for task_id in ("teardown", "report"):
        assert dag.get_task(task_id).is_teardown
        assert "run_started" in dag.get_task(task_id).upstream_task_ids


def test_nothing_is_paid_before_preflight(dag: Any) -> None:
    for task_id in PAID:
        assert "preflight" in dag.get_task(task_id).get_flat_relative_ids(upstream=True), task_id


def test_a_run_has_no_time_limit_that_would_skip_the_teardown(dag: Any) -> None:
    """At dagrun_timeout the scheduler marks every unfinished task as skipped, teardowns too."""
    assert dag.dagrun_timeout is None


def test_stages_that_are_skipped_stop_nothing_and_those_that_fail_stop_all(dag: Any) -> None:
    """embed's job is skipped where images are trained on, tune's where tuning_strategy is none."""
    rules = {task.task_id: task.trigger_rule for task in dag.tasks if task.trigger_rule != "all_success"}
    assert rules == {
        "tune.request_search": "none_failed",
        "tune.request_trials": "none_failed",
        "tune.gather_trials": "none_failed_min_one_success",
        "train.request_job": "none_failed",
        "train_on_ec2.request_instance": "none_failed",
        "train_on_ec2.read_figures": "none_failed",
        "gate.judge": "none_failed",
        "batch_settled": "none_failed",
        "load_job.settle": "none_failed",
        "report": "all_done_setup_success",
        "teardown": "all_done_setup_success",
    }


@pytest.mark.parametrize(
    "name",
    [
        "embed.request_features",
        "tune.request_search",
        "tune.request_trials",
        "train_on_ec2.request_instance",
        "gate.request_score",
        "batch.request_batch",
        "load_job.request_load",
    ],
)
def test_a_request_that_is_not_needed_skips_its_job_and_no_more(dag: Any, name: str) -> None:
    """A whole stage in the colour of skipped tasks looked like trouble on every default run."""
    task = dag.get_task(name)
    assert isinstance(task, ShortCircuitOperator)
    assert not task.ignore_downstream_trigger_rules
    assert len(task.downstream_task_ids) == 1


def test_a_failed_report_and_a_failed_teardown_both_fail_the_run(dag: Any) -> None:
    """With on_failure_fail_dagrun, Airflow overlooks every failure that stands only before the teardown."""
    for task_id in ("report", "teardown"):
        assert dag.get_task(task_id).on_failure_fail_dagrun
        assert dag.get_task(task_id).downstream_task_ids == set()


def test_a_failure_of_any_stage_fails_the_run(dag: Any) -> None:
    """report and teardown succeed after failures, so a last task is there that does not."""
    last = dag.get_task("run_succeeded")
    assert (last.trigger_rule, last.downstream_task_ids) == ("all_success", set())
    assert set(GRAPH) - {"report", "teardown"} == {"run_succeeded"} | last.get_flat_relative_ids(
        upstream=True
    )


def test_the_defaults_are_the_digits_on_two_instances(dag: Any) -> None:
    defaults = dag.params.dump()
    assert (defaults["source"], defaults["architecture"], defaults["image_size"]) == (
        "digits",
        "small_cnn",
        16,
    )
    assert defaults["instance_count"] == 2
    assert defaults["lifetime"] == "live"


def test_the_defaults_make_four_short_trials_two_at_once(dag: Any) -> None:
    defaults = dag.params.dump()
    tuning = ("tuning_strategy", "tuning_trials", "tuning_parallel")
    assert [defaults[name] for name in tuning] == ["Random", 4, 2]
    assert defaults["tuning_epochs"] < defaults["epochs"]
    assert 0 < defaults["learning_rate_min"] < defaults["learning_rate_max"]
    assert defaults["max_runtime_s"] <= defaults["max_wait_s"]
    assert (defaults["weights_uri"], defaults["use_spot"], defaults["finetune_epochs"]) == (None, False, 0)


def test_the_default_load_test_is_short_and_judges_errors_only(dag: Any) -> None:
    defaults = dag.params.dump()
    assert defaults["load_test_s"] == 0
    assert (defaults["load_test_max_p99_ms"], defaults["load_test_max_error_percent"]) == (None, 1)


def test_the_ui_takes_its_form_as_it_is(dag: Any) -> None:
    """Its trigger button stays grey while a field is empty whose type is not null too."""
    for name, param in dag.params.items():
        if param.value in (None, ""):
            assert "null" in param.schema["type"], name


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
        ("weights_uri", ""),
        ("weights_uri", "resnet50.safetensors"),
        ("weights_uri", "s3://bucket/resnet50.pth"),
        ("feature_views", 0),
        ("tuning_strategy", "Guess"),
        ("tuning_trials", 0),
        ("tuning_trials", 101),
        ("tuning_parallel", 11),
        ("tuning_epochs", 0),
        ("learning_rate_min", 0),
        ("learning_rate_max", 2),
        ("batch_sizes", []),
        ("batch_sizes", [64, 64]),
        ("batch_sizes", [0]),
        ("batch_sizes", "64"),
        ("patience", -1),
        ("label_smoothing", 0.6),
        ("schedule", "linear"),
        ("class_weights", "sqrt"),
        ("precision", "int8"),
        ("finetune_epochs", -1),
        ("finetune_learning_rate", 0),
        ("use_spot", "yes"),
        ("max_wait_s", 59),
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
        ("autoscale_min", -1),
        ("endpoint_kind", "edge"),
        ("serverless_memory_mb", 3000),
        ("serverless_concurrency", 201),
        ("async_concurrency", 0),
        ("autoscale_max", 9),
        ("autoscale_metric", "cpu"),
        ("autoscale_target", 0),
        ("autoscale_custom_metric", "CPUUtilization"),
        ("autoscale_schedule", ["at noon 2 4"]),
        ("autoscale_steps", ["200 -1"]),
        ("scale_in_cooldown_s", -1),
        ("train_on_ec2", "yes"),
        ("ec2_instance_type", "ml m5"),
        ("ec2_image", "ami-0123456789abcdef0"),
        ("ec2_volume_gb", 7),
        ("lifetime", "for ever"),
        ("update_policy", "blue"),
        ("update_share_percent", 51),
        ("update_bake_s", 3601),
        ("comparison_percent", 101),
        ("comparison_s", 59),
        ("max_error_percent", 0),
        ("max_latency_ms", 0),
        ("load_test_s", -1),
        ("load_test_s", 3601),
        ("load_test_rate", 0),
        ("load_test_rate", 1001),
        ("load_test_profile", "replay"),
        ("load_test_peak_rate", 0),
        ("load_test_max_p99_ms", 0),
        ("load_test_max_error_percent", 101),
    ],
)
def test_bad_values_are_refused_before_any_task(dag: Any, name: str, value: object) -> None:
    with pytest.raises(ParamValidationError):
        dag.params.get_param(name).resolve(value)


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")  # Airflow's own use of pathspec
def test_the_form_is_whole_after_the_trip_to_the_database(dag: Any) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    stored = json.loads(json.dumps(DagSerialization.to_dict(dag)))
    again = DagSerialization.from_dict(stored).params
    for name in dag.params:
        param = dag.params.get_param(name)
        assert again.get_param(name).schema == param.schema, name
        assert again.get_param(name).description == param.description, name
    assert again.dump() == dag.params.dump()


def test_the_form_offers_what_train_py_takes(dag: Any) -> None:
    from imgclf.networks.architecture import MAX_IMAGE_SIZE, MIN_IMAGE_SIZE
    from imgclf.networks.registry import ARCHITECTURES
    from musher.params.model import IMAGE_SIZES

    size = dag.params.get_param("image_size").schema
    assert dag.params.get_param("architecture").schema["enum"] == [*IMAGE_SIZES]
    assert set(IMAGE_SIZES) == set(ARCHITECTURES)
    assert MIN_IMAGE_SIZE <= size["minimum"] <= size["maximum"] <= MAX_IMAGE_SIZE


def option(value: object) -> str:
    """Return a Param's value as the container passes it to the script."""
    return value if isinstance(value, str) else json.dumps(value)


def test_train_py_takes_every_value_that_the_form_can_give(dag: Any) -> None:
    from imgclf.arguments import parse_arguments
    from musher.params.form import OPTIONS

    base = {"freeze_backbone": True, "init": "random", "image_size": 32}
    for name in OPTIONS:
        schema = dag.params.get_param(name).schema
        bounds = [schema[key] for key in ("minimum", "maximum") if key in schema]
        for value in [*schema.get("enum", []), *bounds]:
            given = {**base, name: value}
            if name == "freeze_backbone":
                given = {"init": "random", name: value}
            arguments = [text for key, found in given.items() for text in (f"--{key}", option(found))]
            config = parse_arguments(arguments, {})
            taken = {**vars(config.recipe), **vars(config)}[name]
            assert taken == value, name


def test_the_defaults_of_the_form_are_taken_together(dag: Any) -> None:
    from imgclf.arguments import parse_arguments
    from musher.params.form import OPTIONS

    arguments = [text for name in OPTIONS for text in (f"--{name}", option(dag.params.dump()[name]))]
    config = parse_arguments(arguments, {})
    assert config.recipe.epochs == dag.params.dump()["epochs"]


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")  # Airflow's own use of pathspec
@pytest.mark.parametrize(
    "task_id",
    [
        "embed.run_job",
        "tune.run_search",
        "tune.run_trials",
        "train.run_job",
        "gate.run_job",
        "deploy.watch_shadow",
        "deploy.run_endpoint",
        "deploy_lambda.run_function",
    ],
)
def test_the_ui_finds_the_links_of_what_is_made(dag: Any, task_id: str) -> None:
    """The API server knows of a link only what is in the database: its name and its XCom key."""
    from airflow.serialization.serialized_objects import DagSerialization

    tasks = DagSerialization.to_dict(dag)["dag"]["tasks"]
    [task] = [found["__var"] for found in tasks if found["__var"]["task_id"] == task_id]
    assert task["_operator_extra_links"] == {
        "Console": "_link_ResourceLink",
        "Log": "_link_LogLink",
    }


def test_the_report_knows_the_task_of_each_result(dag: Any) -> None:
    from musher.stages.failures import LAST_TASK
    from musher.stages.report import TASK_OF

    assert {*TASK_OF.values(), LAST_TASK} <= set(GRAPH)
