"""One scalable target in motion: its capacity, the change under way, and what cools down."""

from dataclasses import dataclass, field
from typing import Any

from moto.core.exceptions import JsonRESTError, ServiceException

from localaws.autoscaling import wording
from localaws.autoscaling.activities import FAILED, IN_PROGRESS, OVERRIDDEN, SUCCESSFUL, Activities, Activity
from localaws.autoscaling.capacities import Capacity, Reading
from localaws.autoscaling.cooldown import Cooldown
from localaws.autoscaling.spec import Place
from localaws.clock import Clock
from localaws.errors import LocalAwsError

REFUSALS = (JsonRESTError, ServiceException, LocalAwsError)
"""What a service answers that does not take a new capacity."""


@dataclass(frozen=True, kw_only=True)
class UnderWay:
    """A change that the service has taken, and not made yet."""

    activity: Activity
    wanted: int
    before: int
    cooldown_s: float | None
    """AWS seconds that it holds others back once it is made; None where it says nothing of that."""


@dataclass(kw_only=True)
class Scaling:
    """What is known of a target besides its registration. Used under its backend's lock."""

    place: Place
    target: Any
    """moto's scalable target."""
    capacity: Capacity
    activities: Activities
    clock: Clock
    cooldown: Cooldown = field(default_factory=Cooldown)
    under_way: UnderWay | None = None
    is_waiting: bool = False
    """Whether the capacity is to be moved into new bounds once the resource takes changes."""

    @property
    def bounds(self) -> tuple[int, int]:
        """The lowest and the highest capacity."""
        return int(self.target.min_capacity), int(self.target.max_capacity)

    def is_suspended(self, kind: str) -> bool:
        """Tell whether a kind of scaling is suspended, by its name in SuspendedState."""
        return bool((self.target.suspended_state or {}).get(kind))

    def follow(self) -> Reading | None:
        """Look what has become of the change under way; return what there is, None where nothing is."""
        reading = self.capacity.read()
        if reading is not None and self.under_way is not None:
            self._settle(self.under_way, reading)
        return reading

    def _settle(self, change: UnderWay, reading: Reading) -> None:
        dimension, wanted = self.place.dimension, change.wanted
        if reading.failure and not reading.is_busy:
            self._end(FAILED, wording.failed(wanted, dimension=dimension, reason=reading.failure))
        elif reading.desired != wanted:
            self._end(OVERRIDDEN, wording.overridden(wanted, dimension=dimension))
        elif reading.current == wanted and not reading.is_busy:
            self._end(SUCCESSFUL, wording.fulfilled(wanted, dimension=dimension))
            self._begin_cooldown(change)

    def _begin_cooldown(self, change: UnderWay) -> None:
        """Begin the cooldown of a policy's change; one that only keeps to the bounds ends none."""
        if change.cooldown_s is not None:
            now_s, cooldown_s = self.clock.monotonic(), change.cooldown_s
            self.cooldown.begin(before=change.before, after=change.wanted, now_s=now_s, cooldown_s=cooldown_s)

    def _end(self, status: str, message: str) -> None:
        if self.under_way is not None:
            self.under_way.activity.end(status, message, at=self.clock.now())
            self.under_way = None

    def change(self, wanted: int, *, before: int, cause: str, cooldown_s: float | None = None) -> None:
        """Ask the service for another capacity, and note what it answers."""
        dimension = self.place.dimension
        if self.under_way is not None:
            self._end(OVERRIDDEN, wording.overridden(self.under_way.wanted, dimension=dimension))
        description = wording.setting(wanted, dimension=dimension)
        activity = self.activities.begin(self.place, description=description, cause=cause)
        try:
            self.capacity.ask_for(wanted)
        except REFUSALS as error:
            message = wording.failed(wanted, dimension=dimension, reason=reason_of(error))
            activity.end(FAILED, message, at=self.clock.now())
            return
        activity.status, activity.message = IN_PROGRESS, wording.waiting(wanted, dimension=dimension)
        self.under_way = UnderWay(activity=activity, wanted=wanted, before=before, cooldown_s=cooldown_s)

    def keep_bounds(self) -> None:
        """Move the capacity into the bounds: now, or once the resource takes changes."""
        reading = self.follow()
        if reading is None:
            return
        low, high = self.bounds
        wanted = min(max(reading.desired, low), high)
        self.is_waiting = wanted != reading.desired and reading.is_busy
        if wanted == reading.desired or reading.is_busy:
            return
        is_more = wanted > reading.desired
        cause = wording.bounded(low=low) if is_more else wording.bounded(high=high)
        self.change(wanted, before=reading.desired, cause=cause)

    def set_bounds(self, *, low: int | None, high: int | None, cause: str) -> None:
        """Take other bounds, as a scheduled action asks, and move the capacity into them."""
        before_low, before_high = self.bounds
        text = wording.bounds(low=low, high=high)
        activity = self.activities.begin(self.place, description=f"Setting {text}", cause=cause)
        low, high = before_low if low is None else low, before_high if high is None else high
        if low > high:
            reason = "Maximum capacity cannot be less than minimum capacity"
            activity.end(FAILED, f"Failed to set {text}. Reason: {reason}", at=self.clock.now())
            return
        self.target.min_capacity, self.target.max_capacity = low, high
        activity.end(SUCCESSFUL, f"Successfully set {text}", at=self.clock.now())
        self.keep_bounds()


def reason_of(error: Exception) -> str:
    """Return what a service says as it refuses a change."""
    return str(getattr(error, "message", None) or error)
