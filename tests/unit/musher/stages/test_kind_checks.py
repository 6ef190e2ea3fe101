"""What preflight and the deployment refuse of serverless and asynchronous endpoints."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from musher.errors import PayloadError
from musher.settings import Settings
from musher.stages import kind_checks, run_checks
from musher.stages.kind_checks import other_kind, refuse_other_kind, unsuitable_kind
from musher.stages.run import Run

MakeRun = Callable[..., Run]
SERVERLESS = {"endpoint_kind": "serverless"}
ASYNC = {"endpoint_kind": "async", "autoscale_metric": "backlog", "autoscale_target": 5}


@pytest.mark.parametrize("changes", [{}, SERVERLESS, ASYNC, {**ASYNC, "autoscale_min": 0}])
def test_each_kind_by_itself_is_fine(form_run: MakeRun, changes: dict[str, Any]) -> None:
    run = form_run(**changes)
    assert unsuitable_kind(run) == []
    assert run_checks.unsuitable_scaling(run.params) == []
    assert run_checks.check_update(run.params) == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"serverless_memory_mb": 1024}, "serverless_memory_mb is 1024, which is for serverless endpoints"),
        ({"async_concurrency": 9}, "async_concurrency is 9, which is for asynchronous endpoints"),
        ({**SERVERLESS, "autoscale_max": 5}, "autoscale_max is 5, which is for instances"),
        (
            {**SERVERLESS, "endpoint_instance_count": 2},
            "endpoint_instance_count is 2, which is for instances",
        ),
        (
            {**SERVERLESS, "endpoint_instance_type": "ml.g5.xlarge"},
            "endpoint_instance_type is ml.g5.xlarge, which is for instances",
        ),
        ({**SERVERLESS, "update_policy": "canary"}, "update_policy is canary, which shifts a part of the"),
        ({**SERVERLESS, "capture_percent": 5}, "capture_percent is 5, and a serverless endpoint captures"),
        ({**ASYNC, "load_test_s": 10}, "load_test_s is 10, and endpoint_kind is async: the load test"),
        ({**ASYNC, "function_reserved": 7}, "function_reserved is 7, which is for the function"),
    ],
)
def test_what_the_kind_cannot_have_is_named_with_its_value(
    form_run: MakeRun, changes: dict[str, Any], said: str
) -> None:
    [problem] = unsuitable_kind(form_run(**changes))
    assert said in problem


def test_a_batch_takes_instances_beside_a_serverless_endpoint(form_run: MakeRun) -> None:
    changes = {**SERVERLESS, "batch_input": "test", "endpoint_instance_count": 2}
    assert unsuitable_kind(form_run(**changes)) == []


def test_a_serverless_endpoint_is_in_no_vpc_and_isolated_from_nothing(
    form_run: MakeRun, settings: Settings
) -> None:
    found = dataclasses.replace(
        settings,
        subnets=("subnet-0123456789abcdef0",),
        security_groups=("sg-0123456789abcdef0",),
        isolate_network=True,
        training_image="registry/train:1",
    )
    problems = unsuitable_kind(form_run(installation=found, **SERVERLESS))
    assert [problem.split(" is ")[0] for problem in problems] == ["MUSHER_SUBNETS", "MUSHER_ISOLATE_NETWORK"]
    assert unsuitable_kind(form_run(installation=found, **ASYNC)) == []


def test_only_what_has_a_queue_scales_to_nothing(form_run: MakeRun) -> None:
    for changes in ({"autoscale_min": 0}, {"autoscale_metric": "backlog"}, {"endpoint_kind": "async"}):
        with pytest.raises(PayloadError, match=r"endpoint_kind is (not )?async"):
            run_checks.unsuitable_scaling(form_run(**changes).params)


@pytest.mark.parametrize(
    ("found", "wanted", "is_refused"),
    [
        (None, "serverless", False),
        ("realtime", "realtime", False),
        ("realtime", "serverless", True),
        ("serverless", "async", True),
        ("async", "realtime", True),
    ],
)
def test_no_update_changes_the_kind_of_what_is_live(
    form_run: MakeRun, monkeypatch: pytest.MonkeyPatch, found: str | None, wanted: str, is_refused: bool
) -> None:
    monkeypatch.setattr(kind_checks, "sagemaker_hook", lambda settings: None)
    monkeypatch.setattr(kind_checks, "find_kind", lambda hook, name: found)
    run = form_run(endpoint_kind=wanted)
    assert bool(other_kind(run)) == is_refused
    assert other_kind(form_run(endpoint_kind=wanted, lifetime="trial")) == []
    if not is_refused:
        refuse_other_kind(run)
        return
    with pytest.raises(PayloadError, match=f"endpoint_kind is {wanted}, and musher-live is {found}: an up"):
        refuse_other_kind(run)


def test_a_serverless_run_forecasts_no_instances(form_run: MakeRun) -> None:
    used = {use.what for use in run_checks.list_uses(form_run(**SERVERLESS).params)}
    assert used == {use.what for use in run_checks.list_uses(form_run().params)} - {"endpoint"}
