"""Build the scheduled actions that set the bounds of an endpoint's instances at certain times.

https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scheduled-scaling.html
"""

import re
from collections.abc import Sequence
from typing import Any

from musher.errors import PayloadError
from musher.payloads.autoscaling import place
from musher.payloads.choices import MAX_INSTANCES, SCALING_SCHEDULE


def read_bounds(text: str) -> tuple[str, int, int]:
    """Return expression, fewest and most instances; raise PayloadError where they are none."""
    if not re.fullmatch(SCALING_SCHEDULE, text):
        raise PayloadError(
            f"autoscale_schedule holds {text!r}. Write each line as `cron(0 8 ? * MON-FRI *) 2 4`: when, in "
            "UTC, the fewest and the most instances from then on."
        )
    expression, least, most = text.rsplit(" ", 2)
    if not 1 <= int(least) <= int(most) <= MAX_INSTANCES:
        raise PayloadError(
            f"autoscale_schedule sets {least} to {most} instances. Choose 1 to {MAX_INSTANCES}, the first "
            "not above the second."
        )
    return expression, int(least), int(most)


def build_actions(schedule: Sequence[str], *, endpoint_name: str) -> list[dict[str, Any]]:
    """Return a PutScheduledAction request for each line; raises PayloadError."""
    bounds = [read_bounds(text) for text in schedule]
    return [
        {
            **place(endpoint_name),
            "ScheduledActionName": action_name(endpoint_name, number),
            "Schedule": expression,
            "ScalableTargetAction": {"MinCapacity": least, "MaxCapacity": most},
        }
        for number, (expression, least, most) in enumerate(bounds, start=1)
    ]


def action_name(endpoint_name: str, number: int) -> str:
    """Return the name of one of an endpoint's scheduled actions."""
    return f"{endpoint_name}-{number}"


def is_ours(name: str, *, endpoint_name: str) -> bool:
    """Return whether a scheduled action is one of those that runs make, and no person's own."""
    return re.fullmatch(re.escape(endpoint_name) + r"-\d+", name) is not None


def highest(schedule: Sequence[str], *, most: int) -> int:
    """Return how many instances there may be at any time."""
    return max([most, *(read_bounds(text)[2] for text in schedule)])
