"""The state of processing and transform jobs, whose status is one of five; mixed into moto's objects."""

import copy
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from localaws.clock import naive_utc

IN_PROGRESS, STOPPING = "InProgress", "Stopping"
TRANSITIONS: dict[str, frozenset[str]] = {
    IN_PROGRESS: frozenset({"Completed", "Failed", STOPPING}),
    STOPPING: frozenset({"Stopped", "Failed"}),
    "Completed": frozenset(),
    "Failed": frozenset(),
    "Stopped": frozenset(),
}
"""What may follow (API_DescribeProcessingJob, API_DescribeTransformJob)."""
PRIVATE = ("Lock", "ClockNow")
"""Attributes that moto's answer must not show."""


class JobState:
    """A job in motion. Times are naive UTC, as everywhere in moto.

    Public attributes are the answer of Describe: moto turns their names into CamelCase.
    """

    KIND: ClassVar[str]
    """`processing` or `transform`: the attributes are called `processing_job_status` and so on."""
    arn: str
    creation_time: datetime
    last_modified_time: datetime
    failure_reason: Any
    """A text once the job has failed, else None."""

    def begin(self, *, now: Callable[[], datetime]) -> None:
        """Be in progress, created now, with nothing started."""
        self._clock_now = now
        self._lock = threading.RLock()
        self.failure_reason = None
        self._set("start_time", None)
        self._set("end_time", None)
        self._set("job_status", IN_PROGRESS)
        self.creation_time = self.last_modified_time = self._now()

    def _now(self) -> datetime:
        return naive_utc(self._clock_now())

    def _set(self, name: str, value: Any) -> None:
        setattr(self, f"{self.KIND}_{name}", value)

    @property
    def status(self) -> str:
        """The status now."""
        return str(getattr(self, f"{self.KIND}_job_status"))

    @property
    def name(self) -> str:
        """The job's name."""
        return str(getattr(self, f"{self.KIND}_job_name"))

    @property
    def end_time(self) -> datetime | None:
        """When it ended, if it has."""
        found: datetime | None = getattr(self, f"{self.KIND}_end_time")
        return found

    def start(self) -> None:
        """Note that the work itself begins."""
        with self._lock:
            self.last_modified_time = self._now()
            self._set("start_time", self.last_modified_time)

    def advance(self, status: str) -> bool:
        """Move to a status if the table allows it; return whether it does."""
        with self._lock:
            if status not in TRANSITIONS[self.status]:
                return False
            self.last_modified_time = self._now()
            self._set("job_status", status)
            if not TRANSITIONS[status]:
                self._set("end_time", self.last_modified_time)
            return True

    def finish(self, *, is_stopped: bool) -> None:
        """End as Completed, or as Stopped where it was stopped, if only in the last moment."""
        if is_stopped:
            self.advance(STOPPING)
        if not self.advance("Stopped"):
            self.advance("Completed")

    def fail(self, reason: str) -> None:
        """End as Failed with this FailureReason; a job that has ended already stays as it is."""
        with self._lock:
            if TRANSITIONS[self.status]:
                self.failure_reason = reason
                self.advance("Failed")

    def describe(self, response: dict[str, Any]) -> dict[str, Any]:
        """Return an answer of Describe without what is not known, not given or not to be seen."""
        with self._lock:
            return {
                name: copy.deepcopy(value)
                for name, value in response.items()
                if name not in PRIVATE and value is not None and value not in ("", [], {})
            }
