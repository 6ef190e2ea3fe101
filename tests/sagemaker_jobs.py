"""Wait for SageMaker's jobs of any kind, and read what they log."""

import time
from collections.abc import Callable
from typing import Any

TERMINAL = ("Completed", "Failed", "Stopped")
LOOK_S = 0.05
"""Real seconds between two looks at a job."""


def wait_until(is_so: Callable[[], bool], *, timeout_s: float, describe: Callable[[], Any]) -> None:
    """Wait until something is so; what `describe` returns is told where it is not in time."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, describe()
        time.sleep(LOOK_S)


def wait_end(
    describe: Callable[[], dict[str, Any]], *, status: str, timeout_s: float, tell: Callable[[], Any] = dict
) -> dict[str, Any]:
    """Wait for the end of a job, by the member of its description that is its status; return the description.

    What `tell` returns is told, too, where it does not end in time.
    """
    deadline = time.monotonic() + timeout_s
    while (found := describe())[status] not in TERMINAL:
        assert time.monotonic() < deadline, (found, tell())
        time.sleep(LOOK_S)
    return found


def list_streams(logs: Any, *, group: str, prefix: str) -> list[str]:
    """Return the names of log streams; none where the group is not there yet."""
    try:
        answer = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [stream["logStreamName"] for stream in answer["logStreams"]]


def read_stream(logs: Any, *, group: str, prefix: str, suffix: str = "") -> list[str]:
    """Return the lines of the first log stream with such a name; none where there is none yet."""
    for name in list_streams(logs, group=group, prefix=prefix):
        if name.endswith(suffix):
            answer = logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True)
            return [event["message"] for event in answer["events"]]
    return []
