"""Let AWS's time pass faster while a task runs: alarms and bakes of minutes are seen in seconds."""

import json
import urllib.request

from scripts.progress import STARTING, Progress

REAL = 1.0
LIMIT_S = 10.0


class Pace:
    """What is told of tasks, and lets time pass faster in one of them: `speed` AWS seconds in a second."""

    def __init__(self, url: str, *, progress: Progress, task: str, speed: float) -> None:
        self._url = url
        self._progress = progress
        self._task = task
        self._speed = speed

    def __call__(self, event: str, task: str) -> None:
        """Take a task's start or end."""
        if task != self._task:
            return
        is_start = event == STARTING
        set_speed(self._url, self._speed if is_start else REAL)
        if is_start:
            self._progress.note(task, f"AWS's time passes {self._speed:.0f} times as fast until it ends")


def set_speed(url: str, speed: float) -> None:
    """Let the embedded AWS go on at a speed; raises OSError where it does not answer."""
    request = urllib.request.Request(  # noqa: S310 - the embedded AWS's own address
        f"{url}/_localaws/clock", data=json.dumps({"speed": speed}).encode(), method="PUT"
    )
    with urllib.request.urlopen(request, timeout=LIMIT_S):  # noqa: S310 - as above
        pass
