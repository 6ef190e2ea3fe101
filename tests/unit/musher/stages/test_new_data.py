"""When retraining rests: the live model's own data, and those of a model that was refused."""

from types import SimpleNamespace
from typing import Any

import pytest

from musher.settings import Settings
from musher.stages import champion, failures, new_data
from tests.unit.musher.stages.test_gate import FakeRegistry, registered, serve
from tests.unit.musher.stages.test_gate import as_run as as_run  # fixtures, used by name
from tests.unit.musher.stages.test_gate import aws as aws
from tests.unit.musher.stages.test_stages import make_run

DATASET: Any = {"data_hash": "d1", "dataset_id": "d1-id"}
PARAMS = {"lifetime": "live", "endpoint_kind": "realtime", "epochs": 3, "source": "s3://b/photos"}


@pytest.fixture
def rest(aws: FakeRegistry, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that gives the reason to rest in a run with changed Params."""
    monkeypatch.setattr(new_data, "sagemaker_hook", lambda settings: aws)

    def look(**changes: Any) -> str | None:
        run = make_run(settings, **{**PARAMS, **changes})
        return new_data.find_reason_to_rest(run, dataset=DATASET)

    return look


def refuse(aws: FakeRegistry, *, recipe: str, status: str = "Rejected", data_hash: str = "d1") -> None:
    """Add a version to the registry, with a verdict."""
    version = len(aws.packages) + 1
    aws.packages[f"arn:package/{version}"] = {
        "ModelPackageVersion": version,
        "ModelApprovalStatus": status,
        "ApprovalDescription": "test accuracy 0.5",
        "CustomerMetadataProperties": {"data-hash": data_hash, "recipe": recipe},
    }


def test_the_first_data_are_new(rest: Any) -> None:
    assert rest() is None


def test_the_live_model_s_own_data_are_not_new(rest: Any, aws: FakeRegistry) -> None:
    serve(aws, data_hash="d1")
    assert rest() == (
        "musher-c, which is live, was trained on the same data (d1-id). To train on them again, trigger "
        "operationalize_model."
    )


def test_other_data_than_the_live_model_s_are_new(rest: Any, aws: FakeRegistry) -> None:
    serve(aws, data_hash="d0")
    assert rest() is None


def test_a_model_that_was_refused_is_not_trained_again_at_each_time_of_the_schedule(
    rest: Any, aws: FakeRegistry
) -> None:
    refuse(aws, recipe=champion.recipe_of(PARAMS))
    assert rest() == (
        "version 1 of musher, of the same data (d1-id) and Params, was refused: test accuracy 0.5. Change "
        "MUSHER_RETRAIN_CONF, or trigger operationalize_model."
    )
    assert rest(source="/the/same/photos/elsewhere") is not None


def test_what_was_refused_is_tried_again_with_other_params_or_other_data(
    rest: Any, aws: FakeRegistry
) -> None:
    refuse(aws, recipe=champion.recipe_of(PARAMS))
    assert rest(epochs=4) is None
    aws.packages.clear()
    refuse(aws, recipe=champion.recipe_of(PARAMS), data_hash="d0")
    assert rest() is None


@pytest.mark.parametrize("status", ["Approved", "PendingManualApproval"])
def test_only_the_newest_verdict_on_the_same_counts(rest: Any, aws: FakeRegistry, status: str) -> None:
    """An approved model that is not live was lost after the gate: it is made again."""
    refuse(aws, recipe=champion.recipe_of(PARAMS))
    refuse(aws, recipe=champion.recipe_of(PARAMS), status=status)
    assert rest() is None


def test_what_register_writes_is_what_is_looked_for(rest: Any, aws: FakeRegistry, as_run: Any) -> None:
    changes = {"epochs": 3}
    as_run(**changes)
    package = aws.packages[registered()["package_arn"]]
    package["ModelApprovalStatus"] = "Rejected"
    from tests.unit.musher.stages.test_gate import PARAMS as GATES

    assert rest(**{**GATES, **changes}) is not None


def test_the_reason_is_logged_once_and_left_for_the_report(
    rest: Any, aws: FakeRegistry, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    serve(aws, data_hash="d1")
    left: dict[str, str] = {}
    instance = SimpleNamespace(xcom_push=lambda key, value: left.update({key: value}))
    monkeypatch.setattr(new_data, "current_run", lambda: make_run(settings, **PARAMS))
    monkeypatch.setattr(new_data, "get_current_context", lambda: {"ti": instance})
    with caplog.at_level("INFO"):
        assert new_data.require_new_data.function(DATASET) is False
    [line] = [record.message for record in caplog.records if record.name == "musher.stages.new_data"]
    assert line.startswith("nothing to do, and nothing is paid: musher-c, which is live")
    assert "same data" in left["reason"]
    aws.live = None
    assert new_data.require_new_data.function(DATASET) is True


class Instance:
    """The task of a run whose look at the data ended as told; everything after it was skipped."""

    dag_id, run_id = "retrain_on_schedule", "scheduled__1"

    def __init__(self, *, guard: str, reason: str | None) -> None:
        self.states = {"require_new_data": guard, "run_succeeded": "skipped"}
        self.reason = reason

    def get_task_states(self, *, dag_id: str, run_ids: list[str]) -> dict[str, Any]:
        return {run_ids[0]: self.states}

    def xcom_pull(self, *, task_ids: str, key: str) -> str | None:
        return self.reason if (task_ids, key) == ("require_new_data", "reason") else None


def test_a_run_that_rested_was_not_ended_by_hand() -> None:
    instance: Any = Instance(guard="success", reason="the same data")
    assert failures.reason_to_rest(instance) == "the same data"
    assert not failures.is_ended_by_hand(instance)
    assert failures.failures_of_run(instance) == {}


@pytest.mark.parametrize(("guard", "reason"), [("success", None), ("skipped", None), ("failed", "no right")])
def test_a_run_that_had_something_to_do_and_was_skipped_was_ended_by_hand(
    guard: str, reason: str | None
) -> None:
    instance: Any = Instance(guard=guard, reason=reason)
    assert failures.reason_to_rest(instance) is None
    assert failures.is_ended_by_hand(instance)
