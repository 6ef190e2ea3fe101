"""The states of an instance, and the steps between them. Pure.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
"""

from collections.abc import Mapping

CODES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}
"""The number of each state (API_InstanceState)."""

INSTANCE: Mapping[str, frozenset[str]] = {
    "pending": frozenset({"running", "stopping", "shutting-down"}),
    "running": frozenset({"stopping", "shutting-down"}),
    "stopping": frozenset({"stopped", "shutting-down"}),
    "stopped": frozenset({"pending", "shutting-down"}),
    "shutting-down": frozenset({"terminated"}),
    "terminated": frozenset(),
}
"""What may follow each state."""


def may_step(current: str, wanted: str) -> bool:
    """Tell whether an instance may go from one state to another."""
    return wanted in INSTANCE[current]
