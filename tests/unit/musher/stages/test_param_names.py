"""Names that are no Params: seen, and refused in one place, before anything is staged or paid."""

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.errors import PreflightError
from musher.stages import dataset, run
from musher.stages.checks import look_at_all
from musher.stages.param_names import refuse_unknown_params
from musher.stages.run import Run
from musher.stages.run_checks import run_checks

MakeRun = Callable[..., Run]
DATASET = {"images": {"train": 1000, "valid": 100, "test": 100}}


def test_the_names_that_a_run_was_triggered_with_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow merges any conf into the Params; what the DAG does not know shows in the run's conf only."""
    dag_run = SimpleNamespace(
        dag_id="d",
        run_id="r",
        start_date=None,
        run_after=None,
        triggering_user_name="somebody",
        conf={"epoch": 3, "epochs": 2},
    )
    context = {
        "dag_run": dag_run,
        "params": {"epochs": 2, "epoch": 3},
        "dag": SimpleNamespace(params={"epochs": 1}),
    }
    monkeypatch.setattr(run, "get_current_context", lambda: context)
    monkeypatch.setenv("MUSHER_ACCOUNT_ID", "123456789012")
    assert run.current_run().unknown_params == ("epoch",)
    assert not run.current_run().is_test


def test_the_dag_without_a_form_takes_its_params_from_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    dag_run = SimpleNamespace(
        dag_id="retrain_on_schedule",
        run_id="r",
        start_date=None,
        run_after=None,
        triggering_user_name="dag_test",
        conf={"epochs": 2},
    )
    context = {"dag_run": dag_run, "params": {"epochs": 2}, "dag": SimpleNamespace(params={})}
    monkeypatch.setattr(run, "get_current_context", lambda: context)
    monkeypatch.setenv("MUSHER_ACCOUNT_ID", "123456789012")
    monkeypatch.setenv("MUSHER_RETRAIN_CONF", '{"source": "/photos", "epochs": 3.0}')
    found = run.current_run()
    assert (found.params["source"], found.params["epochs"]) == ("/photos", 3)
    assert (found.unknown_params, found.is_test) == (("epochs",), True)
    with pytest.raises(PreflightError, match=r"'epochs' .* Name it in MUSHER_RETRAIN_CONF, or trigger"):
        refuse_unknown_params(found.unknown_params)


def test_all_are_refused_together_each_with_the_nearest_name() -> None:
    with pytest.raises(PreflightError) as caught:
        refuse_unknown_params(("epoch", "zzzz"))
    assert str(caught.value) == (
        "Nothing was started, for 2 reasons:\n"
        "1. 'epoch' is no Param of this DAG, so it would have no effect. Did you mean 'epochs'?\n"
        "2. 'zzzz' is no Param of this DAG, so it would have no effect. Take one of the trigger form's."
    )
    refuse_unknown_params(())


def test_a_run_with_a_misspelt_name_stages_nothing(
    form_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = dataclasses.replace(form_run(), unknown_params=("epoch",))
    monkeypatch.setattr(dataset, "current_run", lambda: found)
    monkeypatch.setattr(dataset, "s3_hook", lambda settings: pytest.fail("S3 was asked"))
    with pytest.raises(AirflowFailException, match=r"Nothing was started: 'epoch' is no Param .*'epochs'"):
        dataset.stage_dataset.function()


def test_preflight_which_comes_after_that_does_not_judge_them_again(form_run: MakeRun) -> None:
    found = dataclasses.replace(form_run(), unknown_params=("epoch",))
    assert look_at_all(run_checks(found, dataset=DATASET)) == ([], [])
