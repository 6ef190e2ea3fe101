"""Let AWS's time pass faster while a task runs: alarms and bakes of minutes are seen in seconds."""

import json
import urllib.request

from scripts.progress import STARTING, Progress

FAST = 20.0
"""AWS seconds in a second. A scale-out's three minutes take 9 s, and an answer has 3 s of its 60: a busy
machine's pauses stay below."""

REAL = 1.0
LIMIT_S = 10.0


class Pace:
    """What is told of tasks, and lets time pass faster during one of them."""

    def __init__(self, url: str, *, progress: Progress, task: str) -> None:
        self._url = url
        self._progress = progress
        self._task = task

    def __call__(self, event: str, task: str) -> None:
        """Take a task's start or end."""
        if task != self._task:
            return
        is_start = event == STARTING
        set_speed(self._url, FAST if is_start else REAL)
        if is_start:
            self._progress.note(task, f"AWS's time passes {FAST:.0f} times as fast until it ends")


def set_speed(url: str, speed: float) -> None:
    """Let the embedded AWS go on at a speed; raises OSError where it does not answer."""
    request = urllib.request.Request(  # noqa: S310 - the embedded AWS's own address
        f"{url}/_localaws/clock", data=json.dumps({"speed": speed}).encode(), method="PUT"
    )
    with urllib.request.urlopen(request, timeout=LIMIT_S):  # noqa: S310 - as above
        pass
