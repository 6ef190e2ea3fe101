"""The states of functions, updates and execution environments, and the steps between them. Pure."""

from collections.abc import Mapping

Transitions = Mapping[str, frozenset[str]]

FUNCTION: Transitions = {
    "Pending": frozenset({"Active", "Failed"}),
    "Active": frozenset(),
    "Failed": frozenset({"Pending"}),
}
"""State of a function (https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html)."""
UPDATE: Transitions = {
    "Successful": frozenset({"InProgress"}),
    "InProgress": frozenset({"Successful", "Failed"}),
    "Failed": frozenset({"InProgress"}),
}
"""LastUpdateStatus of a function."""
ENVIRONMENT: Transitions = {
    "Starting": frozenset({"Idle", "Dead"}),
    "Idle": frozenset({"Busy", "Dead"}),
    "Busy": frozenset({"Idle", "Dead"}),
    "Dead": frozenset(),
}
"""One execution environment."""


PROVISIONED: Transitions = {
    "IN_PROGRESS": frozenset({"IN_PROGRESS", "READY", "FAILED"}),
    "READY": frozenset({"IN_PROGRESS", "FAILED"}),
    "FAILED": frozenset({"IN_PROGRESS", "FAILED"}),
}
"""Status of provisioned concurrency."""


def step(table: Transitions, current: str, wanted: str) -> str:
    """Return `wanted`; raises ValueError where the table has no step to it from `current`."""
    if wanted not in table[current]:
        raise ValueError(f"no step from {current} to {wanted}")
    return wanted
