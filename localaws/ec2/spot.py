"""The interruption of a Spot Instance, which a fault rule asks for: a notice, and the end two minutes later.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from localaws.clock import Clock
from localaws.faults.rule_book import Faults

NOTICE_S = 120.0
"""AWS seconds between the notice and the end."""


class Interruption:
    """What is known of the interruption of one instance; `at` is when it ends, once there is a notice."""

    def __init__(self, *, faults: Faults, clock: Clock) -> None:
        self._faults = faults
        self._clock = clock
        self._end_s = 0.0
        self.at: datetime | None = None
        self.told_at: datetime | None = None

    def is_over(self, names: Iterable[str], *, ran_s: float) -> bool:
        """Tell whether the instance is to end now; gives it its notice where a rule names it."""
        if self.at is not None:
            return self._clock.monotonic() >= self._end_s
        for name in names:
            now = self._clock.now().isoformat()
            if self._faults.take_interruption(job=name, trained_s=ran_s, now=now, what="instance"):
                self._end_s = self._clock.monotonic() + NOTICE_S
                self.told_at = self._clock.now()
                self.at = self.told_at + timedelta(seconds=NOTICE_S)
                break
        return False
