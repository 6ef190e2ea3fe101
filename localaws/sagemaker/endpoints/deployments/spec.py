"""What a DeploymentConfig asks for.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeploymentConfig.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ALL_AT_ONCE, CANARY, LINEAR = "ALL_AT_ONCE", "CANARY", "LINEAR"
ROLLING = "ROLLING"
"""Not a word of AWS's: its RollingUpdatePolicy has no type."""
INSTANCE_COUNT, CAPACITY_PERCENT = "INSTANCE_COUNT", "CAPACITY_PERCENT"


@dataclass(frozen=True, kw_only=True)
class Size:
    """CapacitySize: a number of instances, or a percentage of a variant's."""

    kind: str
    value: int

    @classmethod
    def from_request(cls, size: Mapping[str, Any] | None) -> "Size | None":
        """Read a CapacitySize; None where there is none."""
        return cls(kind=str(size["Type"]), value=int(size["Value"])) if size else None

    def share_of(self, total: int) -> float:
        """Return how much of `total` instances it is, from 0 to 1; may be more where it is too large."""
        return self.value / 100 if self.kind == CAPACITY_PERCENT else self.value / max(total, 1)

    def whole_instances(self, total: int) -> int:
        """Return the instances that never exceed it, but at least one."""
        wanted = total * self.value // 100 if self.kind == CAPACITY_PERCENT else self.value
        return max(1, min(wanted, total))


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """How an update goes. Times are AWS seconds; without a DeploymentConfig all goes over at once."""

    kind: str = ALL_AT_ONCE
    step: Size | None = None
    """CanarySize, LinearStepSize or MaximumBatchSize."""
    wait_s: int = 0
    termination_wait_s: int = 0
    timeout_s: int | None = None
    rollback_step: Size | None = None
    alarms: tuple[str, ...] = ()

    @classmethod
    def from_request(cls, config: Mapping[str, Any] | None) -> "Deployment":
        """Read a DeploymentConfig that has been checked."""
        config = config or {}
        watched = (config.get("AutoRollbackConfiguration") or {}).get("Alarms") or ()
        alarms = tuple(str(alarm["AlarmName"]) for alarm in watched if alarm.get("AlarmName"))
        if rolling := config.get("RollingUpdatePolicy"):
            return cls(
                kind=ROLLING,
                step=Size.from_request(rolling["MaximumBatchSize"]),
                wait_s=int(rolling["WaitIntervalInSeconds"]),
                timeout_s=_seconds(rolling),
                rollback_step=Size.from_request(rolling.get("RollbackMaximumBatchSize")),
                alarms=alarms,
            )
        policy = config.get("BlueGreenUpdatePolicy") or {}
        routing = policy.get("TrafficRoutingConfiguration") or {}
        kind = routing.get("Type", ALL_AT_ONCE)
        return cls(
            kind=kind,
            step=Size.from_request(routing.get("CanarySize" if kind == CANARY else "LinearStepSize")),
            wait_s=int(routing.get("WaitIntervalInSeconds") or 0),
            termination_wait_s=int(policy.get("TerminationWaitInSeconds") or 0),
            timeout_s=_seconds(policy),
            alarms=alarms,
        )


def _seconds(policy: Mapping[str, Any]) -> int | None:
    limit = policy.get("MaximumExecutionTimeoutInSeconds")
    return None if limit is None else int(limit)
