"""What holds for every DAG."""

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.definitions.param import process_params
from jsonschema import Draft202012Validator

from musher.operators.jobs import RunJobOperator
from musher.operators.tuning import RunTuningJobOperator
from musher.params.form import FORM
from musher.params.section import EXPERTS, FormParam
from musher.retry_policy import AwsRetryPolicy
from tests.isolated_airflow import ROOT

DAG_IDS = {
    "audit_iam",
    "load_test_endpoint",
    "notebook_instance",
    "operationalize_model",
    "reap_resources",
    "retire_deployment",
    "retrain_on_schedule",
    "roll_back",
    "smoke_test_lambda",
    "train_on_ec2",
}
FORM_IDS = {"operationalize_model"}
"""DAGs with the whole form."""

LOAD_PLUGINS = """
import sys, types
from airflow.plugins_manager import _get_plugins
_, errors = _get_plugins()
files = {name: str(getattr(module, "__file__", "")) for name, module in sys.modules.items()}
loaded = sorted(name for name, file in files.items() if "/plugins/musher" in file)
print(dict(errors), loaded, sys.modules["types"] is types)
"""


def test_no_dag_fails_to_import(dag_bag: Any) -> None:
    assert dag_bag.import_errors == {}


def test_these_are_the_dags(dag_bag: Any) -> None:
    assert set(dag_bag.dag_ids) == DAG_IDS


@pytest.mark.parametrize("dag_id", sorted(DAG_IDS))
def test_every_dag_says_what_it_is(dag_bag: Any, dag_id: str) -> None:
    dag = dag_bag.dags[dag_id]
    assert dag.fileloc == str(ROOT / "dags" / f"{dag_id}.py")
    assert dag.tags == {"musher"}
    assert dag.doc_md.strip().startswith("### ")
    assert not dag.catchup


@pytest.mark.parametrize("dag_id", sorted(DAG_IDS))
def test_every_task_is_owned_retried_and_bounded(dag_bag: Any, dag_id: str) -> None:
    """Waits for jobs by the jobs' own limits, all else by Airflow."""
    for task in dag_bag.dags[dag_id].tasks:
        assert task.owner == "musher", task.task_id
        assert task.retries == 2, task.task_id
        assert isinstance(task.retry_policy, AwsRetryPolicy), task.task_id
        if isinstance(task, RunJobOperator):
            assert task.execution_timeout is None, task.task_id
        else:
            assert timedelta(0) < task.execution_timeout <= timedelta(hours=2), task.task_id


@pytest.mark.parametrize("dag_id", sorted(DAG_IDS))
def test_every_param_has_a_schema_that_is_one(dag_bag: Any, dag_id: str) -> None:
    """No task looks at that again."""
    params = dag_bag.dags[dag_id].params
    for name in params:
        param = params.get_param(name)
        assert isinstance(param, FormParam), name
        Draft202012Validator.check_schema(param.schema)


@pytest.mark.parametrize("dag_id", sorted(FORM_IDS))
def test_no_wait_for_a_job_ends_before_the_longest_job_that_the_form_allows(
    dag_bag: Any, dag_id: str
) -> None:
    """A hundred trials of a day, one after another, are a paid job that goes on for a hundred days."""
    dag = dag_bag.dags[dag_id]
    job_s, trials = (dag.params.get_param(name).schema["maximum"] for name in ("max_wait_s", "tuning_trials"))
    condition = {"MaxWaitTimeInSeconds": job_s, "MaxRuntimeInSeconds": job_s}
    longest = {"StoppingCondition": condition, "LimitInSeconds": job_s}
    resources = {"MaxNumberOfTrainingJobs": trials, "MaxParallelTrainingJobs": 1}
    for task in (found for found in dag.tasks if isinstance(found, RunJobOperator)):
        is_tuning = isinstance(task, RunTuningJobOperator)
        task.config = {
            "HyperParameterTuningJobConfig": {"ResourceLimits": resources},
            "TrainingJobDefinition": longest,
            "MaxRuntimeInSeconds": job_s,
        }
        jobs_s = trials * job_s if is_tuning else job_s
        assert jobs_s < task.limit_s(longest) <= jobs_s + (trials + 6) * 600, task.task_id


@pytest.mark.parametrize("dag_id", sorted(DAG_IDS))
def test_every_param_has_a_type_a_title_and_a_description(dag_bag: Any, dag_id: str) -> None:
    """The form shows a Markdown description only where there is no plain one."""
    params = dag_bag.dags[dag_id].params
    for name in params:
        param = params.get_param(name)
        assert {"type", "title", "description_md"} <= set(param.schema), name
        assert param.description is None, name


@pytest.mark.parametrize("dag_id", sorted(DAG_IDS))
def test_no_task_carries_a_copy_of_the_form(dag_bag: Any, dag_id: str) -> None:
    """The copies made nine tenths of the serialised DAG, and took a second and a half at each parse."""
    for task in dag_bag.dags[dag_id].tasks:
        assert not list(task.params), task.task_id


@pytest.mark.parametrize("dag_id", sorted(FORM_IDS))
def test_a_run_s_conf_does_not_become_the_form_s_default(dag_bag: Any, dag_id: str) -> None:
    dag, before = dag_bag.dags[dag_id], FORM["source"].value
    given = process_params(dag, dag.tasks[0], {"source": "/elsewhere"}, suppress_exception=False)
    assert given["source"] == "/elsewhere"
    dag.params["source"] = before  # as it was, for the tests that share this DAG
    assert FORM["source"].value == before


@pytest.mark.parametrize("dag_id", sorted(FORM_IDS))
def test_what_matters_stands_open_and_what_experts_change_comes_last(dag_bag: Any, dag_id: str) -> None:
    params = dag_bag.dags[dag_id].params
    sections = [params.get_param(name).schema.get("section") for name in params]
    assert [name for name in params if not params.get_param(name).schema.get("section")] == [
        "source",
        "lifetime",
    ]
    assert sections[:2] == [None, None]
    assert sections[-1] == EXPERTS
    assert sections.index(EXPERTS) == len(sections) - sections.count(EXPERTS)
    assert sections.count("Training") <= 10


@pytest.mark.parametrize("dag_id", sorted(FORM_IDS))
def test_the_first_lines_of_the_form_say_what_is_left_and_what_it_costs(dag_bag: Any, dag_id: str) -> None:
    text = dag_bag.dags[dag_id].params.get_param("lifetime").schema["description_md"]
    for said in ("they stay", "USD an hour", "retire_deployment", "removed at its end"):
        assert said in text


@pytest.mark.parametrize("dag_id", ["operationalize_model", "retrain_on_schedule"])
def test_staging_updates_an_asset_that_other_dags_can_be_scheduled_on(dag_bag: Any, dag_id: str) -> None:
    """And none of these two: its own staging would start it again."""
    dag = dag_bag.dags[dag_id]
    assert [asset.name for asset in dag.get_task("stage_dataset").outlets] == ["musher-dataset"]
    assert dag.schedule is None


@pytest.mark.parametrize("dag_id", sorted(DAG_IDS))
def test_every_dag_has_a_name_for_people(dag_bag: Any, dag_id: str) -> None:
    assert dag_bag.dags[dag_id].dag_display_name != dag_id


def test_a_dag_file_can_be_run_by_itself() -> None:
    for path in (ROOT / "dags").glob("*.py"):
        assert 'if __name__ == "__main__":\n    pipeline.test()\n' in path.read_text(), path


def test_the_plugins_loader_executes_the_plugin_and_nothing_else_of_musher() -> None:
    """It executes every .py file below plugins/ under its bare name, unless .airflowignore stops it."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD_PLUGINS], capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stdout.splitlines()[-1] == "{} ['musher_plugin'] True"
