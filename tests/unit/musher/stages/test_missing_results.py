"""`airflow tasks test` of a later task: its arguments are None, and it says so."""

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.settings import Settings
from musher.stages import (
    autoscale,
    deploy,
    deploy_lambda,
    embed,
    evaluate,
    gate,
    load_job,
    load_test,
    preflight,
    register,
    releases,
    smoke_test,
    train,
    tune,
)
from tests.unit.musher.stages.test_stages import make_run

MODULES = (
    autoscale,
    deploy,
    deploy_lambda,
    embed,
    evaluate,
    gate,
    load_job,
    load_test,
    preflight,
    register,
    releases,
    smoke_test,
    train,
    tune,
)


@pytest.mark.parametrize(
    ("function", "arguments", "missing"),
    [
        (preflight.preflight, [None], "dataset"),
        (embed.request_features, [None], "dataset"),
        (tune.request_search, [None, None], "dataset"),
        (tune.request_trials, [None, None], "dataset"),
        (train.request_job, [None, None, None], "dataset"),
        (evaluate.evaluate, [None], "job"),
        (register.register_model, [None, {}, {}], "evaluation"),
        (gate.find_champion, [None, None], "dataset, no model"),
        (gate.request_score, [{}, None], "search"),
        (gate.judge, [None, {}, None, None], "evaluation, no search"),
        (autoscale.autoscale, [None], "endpoint"),
        (deploy.request_endpoint, [None, {"uri": "serve:1"}], "verdict"),
        (deploy.request_endpoint, [None, None], "verdict, no image"),
        (deploy_lambda.request_function, [None], "endpoint"),
        (smoke_test.smoke_test, [None, {}], "function"),
        (releases.roll_back_endpoint, [None], "target"),
        (releases.roll_back_function, [None], "target"),
        (load_test.load_test, [None, {}, {}, None], "answers"),
        (load_job.request_load, [None, {}, {}], "scaling"),
        (load_test.judge_load, [None], "load"),
    ],
)
def test_a_stage_says_which_result_is_missing(
    function: Any,
    arguments: list[Any],
    missing: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    strategy = "in_job" if function is tune.request_search else "Random"
    made = make_run(settings, freeze_backbone=True, tuning_strategy=strategy, load_test_s=10)
    for module in MODULES:
        monkeypatch.setattr(module, "current_run", lambda: made)
    with pytest.raises(AirflowFailException, match=f"^There is no {missing}: the tasks before this one have"):
        function.function(*arguments)
