"""How often functions may be asked, and how fast they may grow. Pure; used from the event loop only.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html (requests per second) and
https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html
"""

from collections import defaultdict
from dataclasses import dataclass

from localaws.clock import Clock
from localaws.functions.concurrency.slots import SHARED_FULL, Allowance
from localaws.functions.errors import ThrottledError
from localaws.functions.spec import EnvironmentSpec

REQUESTS_PER_S = 10
"""Requests of an AWS second for each unit of concurrency, be it reserved, provisioned or unreserved."""
GROWTH, GROWTH_S = 1000, 10.0
"""New environments of a function in so many AWS seconds."""
SHARED_RATE = "FunctionInvocationRateLimitExceeded"
RESERVED_RATE = "ReservedFunctionInvocationRateLimitExceeded"
Key = tuple[str, ...]


@dataclass(kw_only=True, slots=True)
class Bucket:
    """What is left of a rate: filled all the time, and never beyond one period's amount."""

    left: float
    filled_s: float

    def take(self, *, now_s: float, most: float, per_s: float) -> bool:
        """Take one, where there is one."""
        self.left = min(most, self.left + (now_s - self.filled_s) * per_s)
        self.filled_s = now_s
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Buckets:
    """One bucket for each key; a new one is full."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: defaultdict[Key, Bucket] = defaultdict(
            lambda: Bucket(left=float("inf"), filled_s=clock.monotonic())
        )

    def take(self, key: Key, *, most: float, period_s: float = 1.0) -> bool:
        """Take one of `most` in `period_s` AWS seconds; return whether there was one."""
        return self._buckets[key].take(now_s=self._clock.monotonic(), most=most, per_s=most / period_s)


class RequestRates:
    """Requests per second of functions, of accounts, and of what is provisioned."""

    def __init__(self, clock: Clock) -> None:
        self._buckets = Buckets(clock)

    def check(self, allowance: Allowance, *, is_provisioned: bool) -> None:
        """Count a request that has a slot; ThrottledError with AWS's reason where it is one too many."""
        key: Key
        place = (allowance.account_id, allowance.region)
        if allowance.reserved is not None:
            key, units, reason = (*place, allowance.function_name), allowance.reserved, RESERVED_RATE
        elif is_provisioned:
            return
        else:
            key, units, reason = place, allowance.unreserved_limit, SHARED_RATE
        if not self._buckets.take(key, most=units * REQUESTS_PER_S):
            raise ThrottledError(reason)

    def takes_provisioned(self, spec: EnvironmentSpec, *, count: int) -> bool:
        """Tell whether `count` provisioned environments take a request more in this second; count it then."""
        key = (spec.account_id, spec.region, spec.function_name, spec.version)
        return self._buckets.take(key, most=count * REQUESTS_PER_S)


class GrowthRate:
    """New environments of functions."""

    def __init__(self, clock: Clock) -> None:
        self._buckets = Buckets(clock)

    def check(self, spec: EnvironmentSpec) -> None:
        """Count an environment that an event needs. Raises ThrottledError where it is one too many.

        AWS documents no reason of its own for that; this one is the nearest.
        """
        key = (spec.account_id, spec.region, spec.function_name)
        if not self._buckets.take(key, most=GROWTH, period_s=GROWTH_S):
            raise ThrottledError(SHARED_FULL)
