"""The plan of a deployment: its stages, and what follows from what is seen. Pure.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green-canary.html,
.../deployment-guardrails-blue-green-linear.html and .../deployment-guardrails-rolling.html
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from localaws.sagemaker.endpoints.deployments.spec import ALL_AT_ONCE, CANARY, ROLLING, Deployment, Size
from localaws.sagemaker.endpoints.deployments.states import ENDS, UNDER_WATCH, Phase
from localaws.sagemaker.endpoints.deployments.wording import timed_out

Counts = Mapping[str, int]
"""Instances by variant."""
WAIT, TERMINATION_WAIT = "WaitIntervalInSeconds", "TerminationWaitInSeconds"
ROUNDING = 1e-9
"""What a product of a share and a count may be too large by."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step: what runs, how much traffic the new fleet gets, and for how long that is watched."""

    blue: Counts
    """Instances of the old fleet: what is left of it after the stage (going back: what must run first)."""
    green: Counts
    """Instances of the new fleet: what must run first (going back: what is left after the stage)."""
    share: Mapping[str, float]
    """How much of each variant's traffic the new fleet gets, from 0 to 1."""
    active: Counts
    """Instances of the new fleet that get it."""
    bake_s: float = 0.0
    """AWS seconds."""
    bake_member: str = WAIT
    """The member of the DeploymentConfig that says so."""

    @property
    def is_full(self) -> bool:
        """Whether the new fleet gets all."""
        return all(share >= 1 for share in self.share.values())


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a deployment is; times are those of the AWS clock."""

    phase: Phase = Phase.CREATING
    stage: int = 0
    since_s: float
    reason: str | None = None
    """Why it is taken back, unless an alarm says so."""
    alarms: tuple[str, ...] = ()
    """The alarms that take it back."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What is seen at a moment."""

    now_s: float
    is_ready: bool = False
    """Whether what the phase waits for has happened: instances healthy, or ended."""
    failure: str | None = None
    """Why the new fleet does not come up."""
    alarming: tuple[str, ...] = ()
    """The deployment's alarms that are in ALARM, or gone."""


def plan_stages(deployment: Deployment, *, blue: Counts, green: Counts) -> tuple[Stage, ...]:
    """Return the stages from the old fleet to the new one; `blue` and `green` are their whole sizes."""
    if deployment.kind == ROLLING:
        return _rolling_stages(deployment, blue=blue, green=green)
    return tuple(
        Stage(
            blue={} if is_last else blue,
            green=green,
            share=share,
            active={name: _instances(green[name], part) for name, part in share.items()},
            bake_s=deployment.termination_wait_s if is_last else deployment.wait_s,
            bake_member=TERMINATION_WAIT if is_last else WAIT,
        )
        for share, is_last in _shares(deployment, green)
    )


def _instances(total: int, share: float) -> int:
    """Return how many of `total` instances a share of the traffic needs."""
    return math.ceil(total * share - ROUNDING)


def _shares(deployment: Deployment, green: Counts) -> list[tuple[dict[str, float], bool]]:
    """Return the share of each variant, step by step, and whether that is the last."""
    if deployment.kind == ALL_AT_ONCE or deployment.step is None:
        return [(dict.fromkeys(green, 1.0), True)]
    steps = {name: deployment.step.share_of(total) for name, total in green.items()}
    number = (
        2 if deployment.kind == CANARY else max(math.ceil(1 / step - ROUNDING) for step in steps.values())
    )
    found = [
        ({name: min(1.0, step * turn) for name, step in steps.items()}, False) for turn in range(1, number)
    ]
    return [*found, (dict.fromkeys(green, 1.0), True)]


def _rolling_stages(deployment: Deployment, *, blue: Counts, green: Counts) -> tuple[Stage, ...]:
    """Return a stage for each batch; the old fleet shrinks in proportion as the new one grows."""
    ((name, total),) = green.items()
    old = blue.get(name, 0)
    return tuple(
        Stage(
            blue={name: 0 if done == total else _instances(old, 1 - done / total)},
            green={name: done},
            share={name: 1.0 if done == total else done / total},
            active={name: done},
            bake_s=deployment.wait_s,
        )
        for done in _batches(total, deployment.step)
    )


def _batches(total: int, size: Size | None) -> list[int]:
    """Return how many of `total` are reached after each batch; all at once without a size."""
    batch = total if size is None else size.whole_instances(total)
    return [min(total, done + batch) for done in range(0, total, batch)] or [total]


def plan_rollback(deployment: Deployment, *, blue: Counts, left: Counts, green: Counts) -> tuple[Stage, ...]:
    """Return the stages back to the old fleet of size `blue`; `left` run of it, `green` of the new one."""
    if deployment.kind != ROLLING or deployment.rollback_step is None:
        return (Stage(blue=blue, green={}, share={}, active={}),)
    ((name, total),) = blue.items()
    now, new, missing = left.get(name, 0), green.get(name, 0), total - left.get(name, 0)
    if missing <= 0:
        return (Stage(blue=blue, green={}, share={}, active={}),)
    batch = deployment.rollback_step.whole_instances(total)
    stages = []
    for back in range(batch, missing + batch, batch):
        reached = min(total, now + back)
        kept = math.floor(new * (total - reached) / missing)
        stages.append(
            Stage(
                blue={name: reached},
                green={name: kept},
                share={name: kept / (reached + kept)},
                active={name: kept},
            )
        )
    return tuple(stages)


def advance(
    progress: Progress, sight: Sight, *, stages: Sequence[Stage], deadline_s: float | None = None
) -> Progress:
    """Return where a deployment is after a look: where it was, or in the phase that follows.

    What takes it back comes first: a fleet that fails, an alarm, and the time limit.
    """
    if progress.phase in ENDS:
        return progress
    if progress.phase in UNDER_WATCH and (back := _taken_back(sight, deadline_s=deadline_s)) is not None:
        return replace(back, stage=progress.stage)
    return _forward(progress, sight, stages=stages)


def _taken_back(sight: Sight, *, deadline_s: float | None) -> Progress | None:
    back = Progress(phase=Phase.ROLLING_BACK, since_s=sight.now_s)
    if sight.failure is not None:
        return replace(back, reason=sight.failure)
    if sight.alarming:
        return replace(back, alarms=sight.alarming)
    if deadline_s is not None and sight.now_s > deadline_s:
        return replace(back, reason=timed_out())
    return None


def _forward(progress: Progress, sight: Sight, *, stages: Sequence[Stage]) -> Progress:
    stage, phase = stages[progress.stage], progress.phase
    if phase is Phase.CREATING and sight.is_ready:
        return replace(progress, phase=Phase.ACTIVATING, since_s=sight.now_s)
    if phase is Phase.ACTIVATING:
        return replace(progress, phase=Phase.BAKING, since_s=sight.now_s)
    if phase is Phase.BAKING and sight.now_s - progress.since_s >= stage.bake_s:
        return replace(progress, phase=Phase.DELETING, since_s=sight.now_s)
    if phase is Phase.DELETING and sight.is_ready:
        is_last = progress.stage + 1 == len(stages)
        if is_last:
            return replace(progress, phase=Phase.DONE, since_s=sight.now_s)
        return replace(progress, phase=Phase.CREATING, stage=progress.stage + 1, since_s=sight.now_s)
    return progress
