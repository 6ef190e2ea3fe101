"""The states of a notebook instance, the steps between them, and from where each action may start. Pure.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeNotebookInstance.html
"""

from collections.abc import Mapping

PENDING, IN_SERVICE, STOPPING, STOPPED = "Pending", "InService", "Stopping", "Stopped"
FAILED, UPDATING, DELETING = "Failed", "Updating", "Deleting"
OFF = (STOPPED, FAILED)
"""Where an instance may be started, updated and deleted, in the order in which AWS names them."""

STEPS: Mapping[str, frozenset[str]] = {
    PENDING: frozenset({IN_SERVICE, FAILED}),
    IN_SERVICE: frozenset({STOPPING, FAILED}),
    STOPPING: frozenset({STOPPED, FAILED}),
    STOPPED: frozenset({PENDING, UPDATING, DELETING}),
    FAILED: frozenset({PENDING, UPDATING, DELETING}),
    UPDATING: frozenset({STOPPED}),
    DELETING: frozenset(),
}
"""What may follow each state."""
ASKED: Mapping[str, tuple[str, ...]] = {
    PENDING: OFF,
    STOPPING: (IN_SERVICE,),
    UPDATING: OFF,
    DELETING: OFF,
}
"""The states that a request leads to, and those from which it may."""


def may_step(current: str, wanted: str) -> bool:
    """Tell whether an instance may go from one state to another."""
    return wanted in STEPS[current]
