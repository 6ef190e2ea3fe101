"""Build UpdateEndpoint's request: how traffic goes over to a new configuration, and what takes it back.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from musher.errors import PayloadError
from musher.payloads.choices import (
    ALL_AT_ONCE,
    CANARY,
    LINEAR,
    MAX_SHARE_PERCENT,
    MAX_WAIT_S,
    POLICIES,
    RETENTION,
    ROLLING,
)

MIN_SHARE_PERCENT = {CANARY: 1, LINEAR: 10, ROLLING: 5}
EXECUTION_LIMIT_S = (600, 28_800)
"""Least and most of MaximumExecutionTimeoutInSeconds."""

LAUNCH_S = 900
"""What the start of a fleet may take besides the waits."""


@dataclass(frozen=True, kw_only=True)
class UpdatePolicy:
    """Say how an update goes: so much at a time, and so many seconds under the alarms after each step."""

    kind: str
    share_percent: int
    bake_s: int
    alarms: tuple[str, ...] = ()


def build_update(
    *, endpoint_name: str, endpoint_config_name: str, policy: UpdatePolicy, instances: int
) -> dict[str, Any]:
    """Return the request; raises PayloadError."""
    check_policy(policy, instances=instances)
    return {
        "EndpointName": endpoint_name,
        "EndpointConfigName": endpoint_config_name,
        **RETENTION,
        "DeploymentConfig": _deployment(policy),
    }


def check_policy(policy: UpdatePolicy, *, instances: int) -> None:
    """Raise PayloadError where AWS would refuse the policy, or where its share is no whole instance."""
    if policy.kind not in POLICIES:
        raise PayloadError(f"update_policy is {policy.kind!r}. Choose one of {', '.join(POLICIES)}.")
    if not 0 <= policy.bake_s <= MAX_WAIT_S:
        raise PayloadError(f"update_bake_s is {policy.bake_s}. Choose 0 to {MAX_WAIT_S} seconds.")
    if policy.kind == ALL_AT_ONCE:
        return
    least = MIN_SHARE_PERCENT[policy.kind]
    if not least <= policy.share_percent <= MAX_SHARE_PERCENT:
        raise PayloadError(
            f"update_share_percent is {policy.share_percent}. For {policy.kind}, choose {least} to "
            f"{MAX_SHARE_PERCENT} percent."
        )
    if instances < 2:
        raise PayloadError(
            f"update_policy is {policy.kind}, which shifts a part of the instances, and "
            f"endpoint_instance_count is {instances}. Choose 2 instances or more, or all_at_once."
        )


def _deployment(policy: UpdatePolicy) -> dict[str, Any]:
    rollback = {"AutoRollbackConfiguration": {"Alarms": _alarms(policy.alarms)}} if policy.alarms else {}
    return {**_update_policy(policy), **rollback}


def _update_policy(policy: UpdatePolicy) -> dict[str, Any]:
    share = {"Type": "CAPACITY_PERCENT", "Value": policy.share_percent}
    if policy.kind == ROLLING:
        return {
            "RollingUpdatePolicy": {
                "MaximumBatchSize": share,
                "WaitIntervalInSeconds": policy.bake_s,
                "MaximumExecutionTimeoutInSeconds": _limit_s(policy),
            }
        }
    routing: dict[str, Any] = {"Type": policy.kind.upper(), "WaitIntervalInSeconds": policy.bake_s}
    if policy.kind == CANARY:
        routing["CanarySize"] = share
    elif policy.kind == LINEAR:
        routing["LinearStepSize"] = share
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": policy.bake_s,
            "MaximumExecutionTimeoutInSeconds": _limit_s(policy),
        }
    }


def _limit_s(policy: UpdatePolicy) -> int:
    """Return how long the whole update may take: each step bakes, and each fleet or batch must start."""
    steps = 1 if policy.kind == ALL_AT_ONCE else -(-100 // policy.share_percent)
    starts = steps if policy.kind == ROLLING else 1
    least, most = EXECUTION_LIMIT_S
    return min(most, max(least, starts * LAUNCH_S + (steps + 1) * policy.bake_s))


def _alarms(names: Sequence[str]) -> list[dict[str, str]]:
    return [{"AlarmName": name} for name in names]
