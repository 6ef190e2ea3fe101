"""What an UpdateEndpoint may not ask for, and how a DeploymentConfig is read."""

from types import SimpleNamespace
from typing import Any

import pytest
from moto.core.exceptions import ServiceException
from moto.sagemaker.exceptions import SagemakerClientError

from localaws.sagemaker.endpoints.deployments import alarms
from localaws.sagemaker.endpoints.deployments.spec import Deployment, Size
from localaws.sagemaker.endpoints.deployments.validation import check_alarms, check_config, check_deployment
from localaws.sagemaker.endpoints.plan import VariantPlan
from tests.objections import objection

PERCENT, COUNT = "CAPACITY_PERCENT", "INSTANCE_COUNT"


def plan(name: str = "v", *, count: int = 4, **changes: Any) -> VariantPlan:
    values = {"weight": 1.0, "startup_s": 1.0, "role_arn": "", "container": {}}
    return VariantPlan(name=name, count=count, **values | changes)


def size(kind: str, value: int) -> dict[str, Any]:
    return {"Type": kind, "Value": value}


def blue_green(
    kind: str = "ALL_AT_ONCE",
    *,
    wait_s: int = 60,
    termination_s: int = 0,
    timeout_s: int | None = None,
    **sizes: Any,
) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait_s, **sizes}
    policy: dict[str, Any] = {
        "TrafficRoutingConfiguration": routing,
        "TerminationWaitInSeconds": termination_s,
    }
    if timeout_s is not None:
        policy["MaximumExecutionTimeoutInSeconds"] = timeout_s
    return {"BlueGreenUpdatePolicy": policy}


def canary(kind: str, value: int, **changes: Any) -> dict[str, Any]:
    return blue_green("CANARY", CanarySize=size(kind, value), **changes)


def linear(kind: str, value: int, **changes: Any) -> dict[str, Any]:
    return blue_green("LINEAR", LinearStepSize=size(kind, value), **changes)


def rolling(kind: str, value: int, **changes: Any) -> dict[str, Any]:
    policy = {"MaximumBatchSize": size(kind, value), "WaitIntervalInSeconds": 60, **changes}
    return {"RollingUpdatePolicy": policy}


def watched(*names: str) -> dict[str, Any]:
    return {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in names]}}


def check(config: dict[str, Any], *plans: VariantPlan, variants: tuple[str, ...] = ("v",)) -> Deployment:
    check_config(config)
    deployment = Deployment.from_request(config)
    check_deployment(deployment, plans=plans or (plan(),), variants=variants)
    return deployment


@pytest.mark.parametrize(
    "config",
    [
        {},
        blue_green(),
        blue_green(termination_s=3600, timeout_s=3601),
        canary(PERCENT, 50),
        canary(COUNT, 2),
        canary(PERCENT, 1),
        linear(PERCENT, 10),
        linear(COUNT, 1),
        linear(PERCENT, 50, timeout_s=600),
        rolling(PERCENT, 5),
        rolling(COUNT, 2),
        rolling(COUNT, 1, RollbackMaximumBatchSize=size(PERCENT, 100)),
        canary(COUNT, 1) | watched("a", "b"),
    ],
)
def test_what_keeps_to_the_limits_is_taken(config: dict[str, Any]) -> None:
    assert objection(check, config) is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (canary(COUNT, 1) | rolling(COUNT, 1), "only one of BlueGreenUpdatePolicy and RollingUpdatePolicy"),
        (blue_green("CANARY"), "CanarySize is required where the traffic routing type is CANARY"),
        (blue_green("LINEAR"), "LinearStepSize is required where the traffic routing type is LINEAR"),
        (blue_green(CanarySize=size(COUNT, 1)), "CanarySize can only be given where"),
        (
            blue_green("CANARY", CanarySize=size(COUNT, 1), LinearStepSize=size(COUNT, 1)),
            "LinearStepSize can only be given where the traffic routing type is LINEAR",
        ),
        (canary(PERCENT, 51), r"CanarySize must be at most 50% of the 4 instance\(s\) of variant v, not 51%"),
        (canary(COUNT, 3), "CanarySize must be at most 50%.*not 75%"),
        (linear(PERCENT, 9), "LinearStepSize must be between 10% and 50%.*not 9%"),
        (linear(COUNT, 3), "LinearStepSize must be between 10% and 50%.*not 75%"),
        (rolling(PERCENT, 4), "MaximumBatchSize must be between 5% and 50%.*not 4%"),
        (rolling(COUNT, 3), "MaximumBatchSize must be between 5% and 50%.*not 75%"),
        (
            rolling(COUNT, 1, RollbackMaximumBatchSize=size(COUNT, 5)),
            "RollbackMaximumBatchSize must be at most 100%",
        ),
        (
            canary(COUNT, 1, wait_s=500, termination_s=100, timeout_s=600),
            r"MaximumExecutionTimeoutInSeconds \(600\) must be larger than the total waiting time, which",
        ),
        (linear(PERCENT, 25, wait_s=200, timeout_s=600), "must be larger than the total waiting time"),
        (watched("a", "a"), "must have different names"),
        ({"AutoRollbackConfiguration": {"Alarms": [{}]}}, "has no AlarmName"),
    ],
)
def test_limits_and_contradictions_are_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(SagemakerClientError, match=f"Invalid DeploymentConfig: .*{message}"):
        check(config)


def test_a_canary_of_instances_does_not_fit_a_fleet_of_one() -> None:
    check(canary(PERCENT, 10), plan(count=1))
    with pytest.raises(SagemakerClientError, match=r"at most 50% of the 1 instance\(s\)"):
        check(canary(COUNT, 1), plan(count=1))


def test_a_serverless_variant_goes_over_all_at_once_under_alarms() -> None:
    """AWS excludes it from rolling updates alone; of the other two localaws says that it has them not."""
    serverless = plan(count=1, is_serverless=True)
    assert check(blue_green() | watched("a"), serverless).alarms == ("a",)
    for config, said in (
        (rolling(COUNT, 1), "serverless variants cannot be updated by RollingUpdatePolicy"),
        (canary(PERCENT, 10), "localaws has no CANARY for serverless variants"),
        (linear(PERCENT, 10), "localaws has no LINEAR for serverless variants"),
    ):
        with pytest.raises(SagemakerClientError, match=said):
            check(config, serverless)


def test_the_limit_holds_for_each_variant() -> None:
    with pytest.raises(SagemakerClientError, match="variant b, not 100%"):
        check(canary(COUNT, 1), plan("a"), plan("b", count=1), variants=("a", "b"))


def test_the_new_config_keeps_the_names_of_the_variants() -> None:
    with pytest.raises(SagemakerClientError, match="same variant names as the old one: v, w"):
        check(canary(COUNT, 1), plan("v"), variants=("w", "v"))


def test_serverless_variants_have_no_guardrails_and_rolling_takes_one_variant() -> None:
    with pytest.raises(SagemakerClientError, match="serverless variants"):
        check(canary(PERCENT, 10), plan(is_serverless=True))
    for plans in ((plan("v"), plan("w")), (plan("v", shadow=plan("s")),)):
        names = tuple(found.name for found in plans)
        with pytest.raises(SagemakerClientError, match="cannot be updated by RollingUpdatePolicy"):
            check(rolling(COUNT, 1), *plans, variants=names)
        check(canary(COUNT, 1), *plans, variants=names)


def test_alarms_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"ok": SimpleNamespace(state_value="OK"), "bad": SimpleNamespace(state_value="ALARM")}
    monkeypatch.setattr(alarms, "_alarms", lambda account_id, region: known)
    place = {"account_id": "1", "region": "us-east-1"}
    check_alarms(("ok", "bad"), **place)
    with pytest.raises(ServiceException, match=r"the alarm\(s\) x, y do not exist in CloudWatch"):
        check_alarms(("x", "ok", "y"), **place)
    assert alarms.tripped_alarms(("ok", "bad", "deleted"), **place) == ("bad", "deleted")


def test_every_member_is_read() -> None:
    read = check(canary(PERCENT, 25, wait_s=120, termination_s=300, timeout_s=1200) | watched("a", "b"))
    assert read == Deployment(
        kind="CANARY",
        step=Size(kind=PERCENT, value=25),
        wait_s=120,
        termination_wait_s=300,
        timeout_s=1200,
        alarms=("a", "b"),
    )
    rolled = check(rolling(COUNT, 1, RollbackMaximumBatchSize=size(COUNT, 2)))
    assert rolled == Deployment(
        kind="ROLLING",
        step=Size(kind=COUNT, value=1),
        wait_s=60,
        rollback_step=Size(kind=COUNT, value=2),
    )
    assert Deployment.from_request(None) == Deployment()
