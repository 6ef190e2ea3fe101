"""A second release, while requests arrive: what it is asked for, and whether it counts as good. Pure."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.progress import STARTING

UPDATE_TASK = "deploy.run_endpoint"
"""The task during which instances are exchanged."""


def plan_second(conf: Mapping[str, Any], summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Params of the second run: the same training from another seed, with the values found.

    It makes no trials, and no load test of its own.
    """
    best = summary["tuning"]["best"]
    return {
        **conf,
        **(best["hyperparameters"] if best else {}),
        "tuning_strategy": "none",
        "load_test_s": 0,
        "seed": conf.get("seed", 1) + 1,
    }


class Moments:
    """When the endpoint's update began and ended, on this process's monotonic clock; None until it did."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.began_s: float | None = None
        self.ended_s: float | None = None

    def __call__(self, event: str, task: str) -> None:
        """Take a task's start or end."""
        if task == UPDATE_TASK and event == STARTING:
            self.began_s = self._now()
        elif task == UPDATE_TASK:
            self.ended_s = self._now()


@dataclass(frozen=True, kw_only=True)
class SecondRelease:
    """What became of the second run, and of the requests that arrived from before it until after it."""

    failure: str | None
    """Why the run failed."""
    report: Path | None
    accuracy: float | None
    before: str
    """The endpoint configuration that served before."""
    wanted: str | None
    """The second run's; None where it came to none."""
    after: str
    """The one that serves now, as AWS says."""
    requests: int
    during: int
    """Of the requests, those sent while instances were exchanged."""
    failed: int
    """Of the requests, those that failed or were never sent."""
    p99_ms: float | None
    seconds: float


def check_second(second: SecondRelease) -> str | None:
    """Return why a second release does not count as one without a failed request, or None."""
    if second.failure:
        return f"the second release failed: {second.failure}"
    if second.after != second.wanted or second.after == second.before:
        return f"{second.after} serves after the update, not {second.wanted} in place of {second.before}"
    if second.failed:
        return f"{second.failed} of {second.requests} requests failed while a second model went live"
    if not second.during:
        return "no request was sent while instances were exchanged: nothing is known of what users would meet"
    return None


def describe_second(second: SecondRelease | None) -> list[str]:
    """Return the lines about a second release; none where there was none."""
    if second is None:
        return []
    p99 = "no answer" if second.p99_ms is None else f"p99 {second.p99_ms:.0f} ms"
    is_new = second.after != second.before
    accuracy = "" if second.accuracy is None else f" of test accuracy {second.accuracy:.4f}"
    change = f"{second.before} -> {second.after}{accuracy}" if is_new else f"none: {second.before} serves"
    lines = [
        f"Update     {change}",
        f"           {second.requests} requests meanwhile, {second.during} of them as instances were "
        f"exchanged: {second.failed} failed or never sent; {p99}",
    ]
    if second.report:
        lines.append(f"           its report: {second.report.as_uri()}")
    return lines
