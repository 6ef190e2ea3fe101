"""The phases of a deployment, and the only ways from one to another.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html and
.../deployment-guardrails-rolling.html
"""

import enum
from collections.abc import Mapping


class Phase(enum.Enum):
    """What a deployment is doing; the values are AWS's variant statuses where it has one."""

    CREATING = "Creating"
    """Instances of the new fleet start."""
    ACTIVATING = "ActivatingTraffic"
    """A share of the requests is turned to the new fleet."""
    BAKING = "Baking"
    """The share stays for a time, under the alarms."""
    DELETING = "Deleting"
    """Instances of the old fleet that are not needed any more finish their requests and end."""
    DONE = "Done"
    ROLLING_BACK = "RollingBack"


TRANSITIONS: Mapping[Phase, frozenset[Phase]] = {
    Phase.CREATING: frozenset({Phase.ACTIVATING, Phase.ROLLING_BACK}),
    Phase.ACTIVATING: frozenset({Phase.BAKING, Phase.ROLLING_BACK}),
    Phase.BAKING: frozenset({Phase.DELETING, Phase.ROLLING_BACK}),
    Phase.DELETING: frozenset({Phase.CREATING, Phase.DONE}),
    Phase.DONE: frozenset(),
    Phase.ROLLING_BACK: frozenset(),
}
ENDS = frozenset({Phase.DONE, Phase.ROLLING_BACK})
"""After these nothing is decided any more."""
UNDER_WATCH = frozenset({Phase.CREATING, Phase.ACTIVATING, Phase.BAKING})
"""In these, alarms and the time limit take the deployment back."""
