"""AwaitApprovalOperator: passes what is approved, waits for a person, and fails for what is rejected."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from musher.operators.approval import AwaitApprovalOperator
from musher.settings import Settings
from musher.triggers.approvals import ApprovalTrigger
from musher.triggers.here import run_here
from musher.triggers.waits import WaitTrigger
from tests.unit.musher.operators.fakes import FakeClock, FakeHook, FakeTask

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/musher/3"
VERDICT = {"package_arn": ARN, "accuracy": 0.9}
ASKED = "Waits for a person's approval: held against the minimums"


class FakePackage:
    """A version in the registry, and SageMaker as far as the operator asks it."""

    def __init__(self, status: str) -> None:
        self.found: dict[str, Any] | None = {"ModelApprovalStatus": status, "ApprovalDescription": ASKED}

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        assert ModelPackageName == ARN
        assert self.found
        return self.found

    def update_model_package(self, *, ModelPackageArn: str, **changes: str) -> None:  # noqa: N803
        assert self.found
        self.found |= changes

    def find_package(self, arn: str) -> dict[str, Any] | None:
        return self.found


@pytest.fixture
def package() -> FakePackage:
    return FakePackage("PendingManualApproval")


@pytest.fixture
def make_operator(
    package: FakePackage, settings: Settings, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AwaitApprovalOperator]:
    """Return a function that makes the operator anew, as each of its processes does."""
    hook = FakeHook(package, "sagemaker")
    monkeypatch.setattr(WaitTrigger, "hook", hook)

    def make(**changes: Any) -> AwaitApprovalOperator:
        made = AwaitApprovalOperator(**{"task_id": "await_approval", "config": VERDICT, **changes})
        made.__dict__ |= {"hook": hook, "settings": replace(settings, poll_interval_s=3600)}
        return made

    return make


def wait(make: Callable[..., AwaitApprovalOperator]) -> Any:
    """Defer, wait in a triggerer, and go on in another process."""
    with pytest.raises(TaskDeferred) as deferred:
        make(deferrable=True).execute(FakeTask().context())
    kind, arguments = deferred.value.trigger.serialize()
    assert kind == "musher.triggers.approvals.ApprovalTrigger"
    event = run_here(ApprovalTrigger(**arguments), must_leave=lambda: False)
    return make(deferrable=True).resume(FakeTask().context(), event)


def test_what_the_gate_has_approved_passes_at_once(package: FakePackage, make_operator: Any) -> None:
    package.update_model_package(ModelPackageArn=ARN, ModelApprovalStatus="Approved")
    assert make_operator(deferrable=True).execute(FakeTask().context()) == VERDICT


def test_it_goes_on_when_somebody_approves(
    package: FakePackage, make_operator: Any, fake_clock: FakeClock
) -> None:
    fake_clock.on_sleep = lambda: package.update_model_package(
        ModelPackageArn=ARN, ModelApprovalStatus="Approved"
    )
    assert wait(make_operator) == VERDICT


@pytest.mark.parametrize(
    ("given", "reason"),
    [({"ApprovalDescription": "Too many cats."}, "Too many cats"), ({}, "no reason is given")],
)
def test_it_fails_for_good_when_somebody_rejects(
    package: FakePackage, make_operator: Any, fake_clock: FakeClock, given: dict[str, str], reason: str
) -> None:
    fake_clock.on_sleep = lambda: package.update_model_package(
        ModelPackageArn=ARN, ModelApprovalStatus="Rejected", **given
    )
    with pytest.raises(AirflowFailException, match=rf"was not approved: {reason}\. Nothing is deployed"):
        wait(make_operator)


def test_what_nobody_judges_in_three_days_is_rejected(
    package: FakePackage, make_operator: Any, fake_clock: FakeClock
) -> None:
    started = fake_clock.now()
    with pytest.raises(AirflowFailException, match="Nobody has approved it in time"):
        wait(make_operator)
    assert 71 < (fake_clock.now() - started) / 3600 <= 72
    assert package.found
    assert package.found["ModelApprovalStatus"] == "Rejected"


def test_a_task_that_is_cleared_after_a_late_approval_goes_on(
    package: FakePackage, make_operator: Any
) -> None:
    package.update_model_package(ModelPackageArn=ARN, ModelApprovalStatus="Rejected")
    with pytest.raises(AirflowFailException, match="Approve it in the registry and clear this task"):
        make_operator().execute(FakeTask().context())
    package.update_model_package(ModelPackageArn=ARN, ModelApprovalStatus="Approved")
    assert make_operator().execute(FakeTask().context()) == VERDICT


def test_a_version_that_is_gone_is_not_waited_for(package: FakePackage, make_operator: Any) -> None:
    package.found = None
    with pytest.raises(AirflowFailException, match="is gone from the registry"):
        make_operator().execute(FakeTask().context())


def test_without_a_verdict_it_says_so(make_operator: Any) -> None:
    with pytest.raises(AirflowFailException, match="There is no verdict"):
        make_operator(config=None).execute(FakeTask().context())
