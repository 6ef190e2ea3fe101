"""Provisioned concurrency of one version or alias: what was asked for, and what is there. Pure.

https://docs.aws.amazon.com/lambda/latest/api/API_GetProvisionedConcurrencyConfig.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localaws.functions import states

INIT_FAILURE = "FUNCTION_ERROR_INIT_FAILURE"


@dataclass(kw_only=True)
class Provisioned:
    """`allocated` environments have been started and are kept; as many can take events."""

    requested: int
    last_modified: str
    allocated: int = 0
    status: str = "IN_PROGRESS"
    reason: str | None = None

    def ask_for(self, requested: int, *, last_modified: str) -> None:
        """Ask for another number, or once more."""
        self.requested, self.last_modified = requested, last_modified
        self._move("IN_PROGRESS", None)

    def note(self, allocated: int) -> None:
        """Note how many environments there are; READY once there are enough."""
        self.allocated = min(allocated, self.requested)
        if self.status == "IN_PROGRESS" and self.allocated == self.requested:
            self._move("READY", None)

    def fail(self, reason: str) -> None:
        """Note that an environment could not be initialised; none is kept."""
        self.allocated = 0
        self._move("FAILED", reason)

    def _move(self, status: str, reason: str | None) -> None:
        self.status, self.reason = states.step(states.PROVISIONED, self.status, status), reason

    def describe(self) -> dict[str, Any]:
        """Return what AWS answers."""
        failed = {"StatusReason": self.reason} if self.reason else {}
        return failed | {
            "RequestedProvisionedConcurrentExecutions": self.requested,
            "AllocatedProvisionedConcurrentExecutions": self.allocated,
            "AvailableProvisionedConcurrentExecutions": self.allocated,
            "Status": self.status,
            "LastModified": self.last_modified,
        }


def total(configs: Mapping[str, Provisioned]) -> int:
    """Return what all versions and aliases of a function have provisioned."""
    return sum(config.requested for config in configs.values() if config.status != "FAILED")
