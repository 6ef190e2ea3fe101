"""Send a load while an endpoint's instances are watched."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from musher.results import InstancePoint
from musher.traffic.load_test import Plan
from musher.traffic.load_test import run as send
from musher.traffic.origins import Origin
from musher.traffic.profiles import Profile
from musher.traffic.watch import Look, watch_instances

logger = logging.getLogger(__name__)


def send_and_watch(
    profile: Profile, origin: Origin, *, look: Look
) -> tuple[dict[str, Any], list[InstancePoint]]:
    """Send the load to its end, or to SIGTERM; return what was measured, and the instances over time."""
    with watch_instances(look, duration_s=profile.duration_s) as instances:
        measured = send(Plan(load=profile), origin, tell=partial(tell_load, instances))
    return measured, instances


def tell_load(instances: Sequence[InstancePoint], line: str) -> None:
    """Log how the load test goes, and on how many instances."""
    logger.info("load test: %s%s", line, describe_instances(instances))


def describe_instances(instances: Sequence[InstancePoint]) -> str:
    """Return how many instances serve now, and how many are to; nothing where that is not known."""
    if not instances:
        return ""
    serving, wanted = instances[-1]["current"], instances[-1]["desired"]
    count = f", {serving} instance" + ("" if serving == 1 else "s")
    return count if wanted == serving else f"{count} ({wanted} wanted)"
