"""Find out what happened to a run's endpoint, for the report: nothing of it may hold the report up."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from musher import names
from musher.errors import MusherError
from musher.hooks.connection import glance_hook
from musher.hooks.happenings import (
    find_scaling_alarms,
    find_states,
    list_activities,
    read_alarm,
    read_endpoint_now,
    read_function,
)
from musher.payloads.alarms import KINDS
from musher.payloads.happenings import Activity, AlarmStates, FunctionVersion, Happenings
from musher.results import DeploymentStep, FunctionResult, RunResults
from musher.settings import Settings
from musher.stages.run import Run
from musher.traffic.targets import ENDPOINT

logger = logging.getLogger(__name__)

Seen = TypeVar("Seen")

MAX_LOOKS_S = 60.0
"""After this no further look begins; one that is under way ends within half a minute."""

MAX_ALARMS = 8


@dataclass(kw_only=True)
class Looks:
    """Looks at AWS, of which each may fail: what it would have shown is then a gap with its reason."""

    deadline: float
    gaps: list[str] = field(default_factory=list)

    def look(self, what: str, call: Callable[[], Seen]) -> Seen | None:
        """Return what a look sees; None where it fails, or is too late."""
        if time.monotonic() > self.deadline:
            self.gaps.append(f"{what}: not looked at, as the looks before took over {MAX_LOOKS_S:.0f} s.")
            return None
        try:
            return call()
        except (MusherError, BotoCoreError, ClientError, ValueError, KeyError) as error:
            logger.warning("the timeline lacks a part: %s: %s", what, error)
            self.gaps.append(f"{what}: {error}")
            return None


def find_endpoint_of(run: Run, results: RunResults, *, has_failed: bool) -> str | None:
    """Return the name of the endpoint that the run deployed to, or sent a load to; None where it did not.

    `has_failed`: whether the run tried to deploy in vain.
    """
    if results["endpoint"] or has_failed:
        return run.endpoint_name
    if results["load"] and run.params.get("target_kind") == ENDPOINT:
        return results["load"]["target"]
    return None


def read_happenings(
    run: Run, *, endpoint_name: str, steps: list[DeploymentStep], function: FunctionResult | None
) -> Happenings:
    """Return what AWS tells of the endpoint since the first step, or the run's start where there is none."""
    looks = Looks(deadline=time.monotonic() + MAX_LOOKS_S)
    since = datetime.fromisoformat(steps[0]["at"]) if steps else run.started_at
    until = datetime.now(UTC)
    look_now = partial(read_endpoint_now, glance_hook(run.settings, service="sagemaker"), name=endpoint_name)
    return Happenings(
        endpoint=endpoint_name,
        since=since.astimezone(UTC).isoformat(timespec="milliseconds"),
        until=until.isoformat(timespec="milliseconds"),
        now=looks.look("What serves now", look_now),
        steps=steps,
        poll_s=run.settings.poll_interval_s,
        alarms=read_alarms(run.settings, looks, endpoint_name=endpoint_name, since=since, until=until),
        activities=read_activities(run.settings, looks, endpoint_name=endpoint_name, since=since),
        function=read_version(run.settings, looks, function),
        gaps=looks.gaps,
    )


def read_alarms(
    settings: Settings, looks: Looks, *, endpoint_name: str, since: datetime, until: datetime
) -> list[AlarmStates]:
    """Return the alarms that watch the endpoint's updates and its load, with their changes."""
    find = partial(
        find_scaling_alarms,
        glance_hook(settings, service="application-autoscaling"),
        endpoint_name=endpoint_name,
    )
    scaling = looks.look("Alarms of the scaling policy", find) or []
    is_live = endpoint_name == names.live_endpoint(settings)
    watching = [names.live_alarm(settings, what=kind) for kind in KINDS] if is_live else []
    hook = glance_hook(settings, service="cloudwatch")
    wanted = [*watching, *scaling][:MAX_ALARMS]
    states = (looks.look("Alarms", partial(find_states, hook, names=wanted)) if wanted else None) or {}
    found = []
    for name in (name for name in wanted if name in states):
        read = partial(read_alarm, hook, name=name, state=states[name], since=since, until=until)
        if (seen := looks.look(f"Changes of alarm {name}", read)) is not None:
            alarm, is_all = seen
            found.append(alarm)
            if not is_all:
                looks.gaps.append(f"Changes of alarm {name}: the newest {len(alarm['changes'])} are shown.")
    return found


def read_activities(
    settings: Settings, looks: Looks, *, endpoint_name: str, since: datetime
) -> list[Activity]:
    """Return what was scaled."""
    hook = glance_hook(settings, service="application-autoscaling")
    read = partial(list_activities, hook, endpoint_name=endpoint_name, since=since)
    if (seen := looks.look("Scaling activities", read)) is None:
        return []
    activities, is_all = seen
    if not is_all:
        looks.gaps.append(f"Scaling activities: the newest {len(activities)} are shown.")
    return activities


def read_version(settings: Settings, looks: Looks, function: FunctionResult | None) -> FunctionVersion | None:
    """Return the function's version that the run's alias was brought to."""
    if function is None:
        return None
    read = partial(
        read_function,
        glance_hook(settings, service="lambda"),
        name=function["function_name"],
        alias=function["alias"],
        version=function["version"],
    )
    return looks.look("The function's version", read)
