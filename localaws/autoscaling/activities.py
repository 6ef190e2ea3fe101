"""What has become of scalable targets: each change of capacity, and each alarm that changed nothing."""

import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from localaws.autoscaling import wording
from localaws.autoscaling.spec import Place

PENDING, IN_PROGRESS, SUCCESSFUL = "Pending", "InProgress", "Successful"
OVERRIDDEN, FAILED = "Overridden", "Failed"
KEPT_FOR = timedelta(weeks=6)
"""As on AWS (https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingActivities.html)."""
MOST_KEPT = 10_000


@dataclass(kw_only=True)
class Activity:
    """One scaling activity."""

    place: Place
    description: str
    cause: str
    started: datetime
    status: str = PENDING
    message: str = ""
    ended: datetime | None = None
    reason: Mapping[str, Any] | None = None
    """Why nothing was scaled, where that is so."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def end(self, status: str, message: str, *, at: datetime) -> None:
        """Note how it has ended."""
        self.status, self.message, self.ended = status, message, at

    def described(self) -> dict[str, Any]:
        """Return it as DescribeScalingActivities answers it."""
        found = {
            "ActivityId": self.id,
            **self.place.described(),
            "Description": self.description,
            "Cause": self.cause,
            "StartTime": self.started.timestamp(),
            "StatusCode": self.status,
        }
        if self.ended is not None:
            found["EndTime"] = self.ended.timestamp()
        if self.message:
            found["StatusMessage"] = self.message
        return found | ({} if self.reason is None else {"NotScaledReasons": [dict(self.reason)]})


class Activities:
    """The activities of an account in a region, the newest first."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._items: deque[Activity] = deque(maxlen=MOST_KEPT)

    def begin(self, place: Place, *, description: str, cause: str) -> Activity:
        """Note that something begins."""
        activity = Activity(place=place, description=description, cause=cause, started=self._now())
        self._items.appendleft(activity)
        return activity

    def skip(self, place: Place, *, cause: str, code: str, **capacities: int) -> None:
        """Note that an alarm has changed nothing; the same again and again is noted once."""
        reason = {"Code": code, **capacities}
        last = next((item for item in self._items if item.place == place), None)
        if last is not None and last.reason == reason and last.cause == cause:
            return
        activity = self.begin(place, description=wording.NOT_SCALED, cause=cause)
        activity.reason = reason
        activity.end(FAILED, "", at=activity.started)

    def list(
        self, namespace: str, *, resource_id: str | None, dimension: str | None, with_not_scaled: bool
    ) -> list[Activity]:
        """Return the activities of the last six weeks that are asked for."""
        oldest = self._now() - KEPT_FOR
        return [
            item
            for item in list(self._items)
            if item.place.namespace == namespace
            and resource_id in (None, item.place.resource_id)
            and dimension in (None, item.place.dimension)
            and (with_not_scaled or item.reason is None)
            and item.started >= oldest
        ]
