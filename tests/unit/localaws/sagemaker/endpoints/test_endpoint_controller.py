"""How an update ends: the status, the config, the reason, the models that are kept; and updates by stacks."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from localaws.clock import ManualClock
from localaws.errors import LocalAwsError
from localaws.sagemaker.endpoints import cloudformation, controller, states
from localaws.sagemaker.endpoints.controller import Change, EndpointController
from localaws.sagemaker.endpoints.deployments.rollout import Outcome
from localaws.sagemaker.endpoints.features import Features
from localaws.sagemaker.endpoints.fleet import Fleet, Variant
from localaws.sagemaker.endpoints.plan import VariantPlan

OLD, NEW = (
    VariantPlan(name=name, count=1, weight=1.0, startup_s=1.0, role_arn="", container={})
    for name in ("old", "new")
)
CONFIG = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}


class Bench:
    """A controller whose deployments end as a test says, without processes."""

    def __init__(self, folder: Path) -> None:
        self.statuses: list[str] = []
        self.forgotten: list[VariantPlan] = []
        self.endpoint: Any = SimpleNamespace(
            endpoint_name="ep",
            arn="arn",
            endpoint_config_name="old",
            production_variants=[],
            endpoint_status=states.UPDATING,
            failure_reason=None,
            creation_time=datetime(2026, 1, 1),
            last_modified_time=datetime(2026, 1, 1),
            tags=[],
        )
        context: Any = SimpleNamespace(clock=ManualClock())
        self.controller = EndpointController(
            context=context,
            endpoint=self.endpoint,
            plans=[OLD],
            features=Features(),
            account_id="123456789012",
            region="us-east-1",
            folder=folder,
            on_deleted=lambda: None,
        )

    def update(
        self, monkeypatch: pytest.MonkeyPatch, outcome: Outcome, *, unfetched: Exception | None = None
    ) -> None:
        def run(_: Any, *, on_rolling_back: Callable[[Outcome], None]) -> Outcome:
            if not outcome.is_new:
                on_rolling_back(outcome)
                self.statuses.append(self.endpoint.endpoint_status)
            return outcome

        def fetch(_: Any) -> None:
            if unfetched is not None:
                raise unfetched

        monkeypatch.setattr(controller.Rollout, "run", run)
        factory = self.controller._factory
        monkeypatch.setattr(factory, "fetch", fetch)
        monkeypatch.setattr(factory, "forget", self.forgotten.extend)
        monkeypatch.setattr(factory, "new_instance", lambda plan: SimpleNamespace(plan=plan))
        change = Change(config_name="new", features=Features(), deployment_config=CONFIG)
        self.controller.request_update(plans=[NEW], change=change)
        assert self.controller.pending is not None
        self.controller._commands.get()()


@mock_aws
@pytest.mark.parametrize(
    ("outcome", "status", "config", "reason", "forgotten"),
    [
        (Outcome(is_new=True), "InService", "new", None, [OLD]),
        (Outcome(is_new=False, alarms=("errors",)), "InService", "old", None, [NEW]),
        (Outcome(is_new=False, reason="no ping"), "InService", "old", "no ping", [NEW]),
        (
            Outcome(is_new=False, alarms=("errors",), rollback_failure="no ping"),
            "UpdateRollbackFailed",
            "old",
            "no ping",
            [],
        ),
    ],
)
def test_each_end_of_a_deployment_has_its_status_and_keeps_the_models_that_serve(
    outcome: Outcome,
    status: str,
    config: str,
    reason: str | None,
    forgotten: list[VariantPlan],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    bench.update(monkeypatch, outcome)
    endpoint = bench.endpoint
    assert (endpoint.endpoint_status, endpoint.endpoint_config_name) == (status, config)
    assert (endpoint.failure_reason, bench.forgotten) == (reason, forgotten)
    assert bench.statuses == ([] if outcome.is_new else ["RollingBack"])
    assert bench.controller.pending is None
    assert bench.controller.last_deployment == CONFIG


@mock_aws
def test_a_model_that_cannot_be_fetched_takes_the_update_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bench = Bench(tmp_path)
    bench.update(monkeypatch, Outcome(is_new=True), unfetched=KeyError("gone"))
    assert (bench.endpoint.endpoint_status, bench.endpoint.endpoint_config_name) == ("InService", "old")
    assert "KeyError: 'gone'" in bench.endpoint.failure_reason
    assert bench.forgotten == [NEW]


def test_what_grows_is_marked_as_updating(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.endpoint.production_variants = [
        {"VariantName": name, "CurrentInstanceCount": 2} for name in ("grows", "shrinks", "stays")
    ]
    bench.controller.request_scale(counts={"grows": 3, "shrinks": 1, "stays": 2}, weights={})
    grows, *others = bench.endpoint.production_variants
    (status,) = grows["VariantStatus"]
    assert (status["Status"], status["StatusMessage"]) == (
        "Updating",
        "Scaling out desired instance count to 3.",
    )
    assert all("VariantStatus" not in variant for variant in others)


@pytest.mark.parametrize("config_name", ["old", "new"])
def test_a_stack_updates_an_endpoint_as_its_template_says(
    config_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    backend = SimpleNamespace(update_endpoint=lambda **members: asked.append(members))
    monkeypatch.setattr(cloudformation.models, "sagemaker_backends", {"1": {"here": backend}})
    endpoint: Any = SimpleNamespace(endpoint_name="ep", endpoint_config_name="old")
    properties = {
        "EndpointConfigName": config_name,
        "DeploymentConfig": CONFIG,
        "RetainAllVariantProperties": True,
        "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
    }
    found = cloudformation._update(type(endpoint), endpoint, "x", {"Properties": properties}, "1", "here")
    assert found is endpoint
    expected = {
        "endpoint_name": "ep",
        "endpoint_config_name": "new",
        "deployment_config": CONFIG,
        "is_retaining": True,
        "excluded": {"DesiredWeight"},
        "is_retaining_deployment": False,
    }
    assert asked == ([] if config_name == "old" else [expected])


@mock_aws
def test_a_scale_out_whose_process_cannot_be_started_says_so_and_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse() -> None:
        raise LocalAwsError("no process can be started: No space left on device")

    bench = Bench(tmp_path)
    kept = SimpleNamespace(plan=OLD)
    refused = SimpleNamespace(id="i-1", start=refuse, stop=lambda *, grace_s: None)
    variant = Variant(plan=OLD, weight=1.0, instances=(kept,))  # type: ignore[arg-type]
    bench.controller.fleet = Fleet(variants={"old": variant})
    monkeypatch.setattr(bench.controller._factory, "new_instance", lambda plan: refused)
    bench.controller.request_scale(counts={"old": 2}, weights={})
    bench.controller._commands.get()()
    assert bench.endpoint.endpoint_status == "InService"
    assert bench.endpoint.failure_reason == "no process can be started: No space left on device"
    assert bench.controller.fleet.instances() == [kept]
