"""retrain_on_schedule: operationalize_model's graph behind a look at the data, and when it runs."""

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.standard.operators.python import ShortCircuitOperator

from tests.dags.test_operationalize_model import GRAPH, PAID
from tests.isolated_airflow import ROOT

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

GUARD = "require_new_data"
FILE = ROOT / "dags" / "retrain_on_schedule.py"


@pytest.fixture
def dag(dag_bag: Any) -> Any:
    return dag_bag.dags["retrain_on_schedule"]


def test_the_graph_is_the_other_dag_s_behind_a_look_at_the_data(dag: Any) -> None:
    expected = {task_id: set(followers) for task_id, followers in GRAPH.items()}
    expected["stage_dataset"] |= {GUARD}
    expected[GUARD] = {"preflight"}
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == expected


def test_all_that_pays_and_deploys_is_skipped_with_the_look(dag: Any) -> None:
    """Whatever its trigger rule: tuning's tasks run after others that were skipped."""
    guard = dag.get_task(GUARD)
    assert isinstance(guard, ShortCircuitOperator)
    assert guard.ignore_downstream_trigger_rules
    skipped = guard.get_flat_relative_ids(upstream=False)
    assert PAID | {"build_image", "register_model", "run_succeeded"} <= skipped
    assert set(GRAPH) - skipped == {"run_started", "stage_dataset"}


def test_the_report_is_written_and_the_teardown_runs_all_the_same(dag: Any) -> None:
    """A short circuit leaves teardowns alone."""
    for task_id in ("report", "teardown"):
        assert dag.get_task(task_id).is_teardown
        assert "run_started" in dag.get_task(task_id).upstream_task_ids


def test_there_are_never_two_runs_and_none_of_the_past(dag: Any) -> None:
    assert (dag.max_active_runs, dag.catchup) == (1, False)


def test_it_has_no_form_and_without_a_setting_no_schedule(dag: Any) -> None:
    assert (list(dag.params), dag.schedule) == ([], None)


def parse(schedule: str, monkeypatch: pytest.MonkeyPatch) -> "DagBag":
    """Return the DAG's file as the DAG processor reads it where the setting says so."""
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("MUSHER_RETRAIN_SCHEDULE", schedule)
    return DagBag(FILE)


def test_the_schedule_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse("0 3 * * *", monkeypatch).dags["retrain_on_schedule"].schedule == "0 3 * * *"


def test_what_is_no_cron_expression_is_an_import_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "AirflowTimetableInvalid" in parse("every night", monkeypatch).import_errors[str(FILE)]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch the watch of a source in S3 on."""
    monkeypatch.setenv("MUSHER_ACCOUNT_ID", "123456789012")
    monkeypatch.setenv("MUSHER_RETRAIN_ON_NEW_DATA", "true")
    monkeypatch.setenv("MUSHER_RETRAIN_CONF", '{"source": "s3://photos/new"}')


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("schedule", ["", "0 3 * * *"])
def test_new_data_can_be_waited_for_alone_and_beside_a_time(
    schedule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run at a time and none of the past, as ever."""
    dag = parse(schedule, monkeypatch).dags["retrain_on_schedule"]
    [asset] = dag.timetable.asset_condition.objects
    [watcher] = asset.watchers
    assert (asset.name, watcher.trigger.source) == ("musher-new-data", "s3://photos/new")
    assert hasattr(dag.timetable, "timetable") is bool(schedule)
    assert (dag.max_active_runs, dag.catchup) == (1, False)


@pytest.mark.usefixtures("watched")
def test_a_source_that_cannot_be_watched_is_this_dag_s_import_error_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("MUSHER_RETRAIN_CONF", '{"source": "digits"}')
    bag = DagBag(FILE.parent)
    assert list(bag.import_errors) == [str(FILE)]
    assert "only S3 is watched" in bag.import_errors[str(FILE)]
    assert "operationalize_model" in bag.dags


@pytest.mark.usefixtures("watched")
def test_what_is_no_cron_expression_is_an_import_error_beside_new_data_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "no cron expression" in parse("every night", monkeypatch).import_errors[str(FILE)]
