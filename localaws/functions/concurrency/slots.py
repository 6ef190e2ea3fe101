"""How many invocations run at once, for each function and account. Pure; used from the event loop only."""

from collections import Counter, defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from localaws.functions.errors import ThrottledError

ACCOUNT_LIMIT = 1000
"""Concurrent executions of an account in a region, AWS's default quota."""
UNRESERVED_MINIMUM = 100
"""Concurrency that reservations must leave (https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html)."""

SHARED_FULL = "ConcurrentInvocationLimitExceeded"
RESERVED_FULL = "ReservedFunctionConcurrentInvocationLimitExceeded"
Region = tuple[str, str]
"""An account in a region: what a quota holds for."""


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What the settings allow a function: its reservation, or the account's rest."""

    account_id: str
    region: str
    function_name: str
    reserved: int | None
    unreserved_limit: int
    provisioned: int = 0
    """What all its versions and aliases have provisioned, and a reservation does not give to others."""
    account_limit: int = ACCOUNT_LIMIT
    reserving: frozenset[str] = frozenset()
    """The functions of the account that have a reservation: what they run takes nothing from the rest."""


@dataclass(kw_only=True)
class Running:
    """What runs in one account and region, by function. Names that run nothing are left out."""

    on_demand: Counter[str] = field(default_factory=Counter)
    provisioned: Counter[str] = field(default_factory=Counter)

    def total(self) -> int:
        """Return how much runs."""
        return self.on_demand.total() + self.provisioned.total()

    def of(self, name: str) -> int:
        """Return how much of a function runs, whatever it runs in."""
        return self.on_demand[name] + self.provisioned[name]

    def unreserved(self, reserving: frozenset[str]) -> int:
        """Return how much runs on demand of functions without a reservation."""
        return sum(count for name, count in self.on_demand.items() if name not in reserving)


class Concurrency:
    """Count what runs; refuse what is over the limit.

    It is counted by function, not by what the settings were as it began: a reservation that comes, changes or
    goes meanwhile holds from the next event on.
    """

    def __init__(self) -> None:
        self._regions: defaultdict[Region, Running] = defaultdict(Running)

    @contextmanager
    def slot(self, allowance: Allowance, *, is_provisioned: bool = False) -> Generator[None, None, None]:
        """Hold one slot; `is_provisioned` is whether an environment that is kept takes the event.

        Raises ThrottledError with AWS's reason where none is free.
        """
        running, name = self._regions[allowance.account_id, allowance.region], allowance.function_name
        reason = find_refusal(running, allowance, is_provisioned=is_provisioned)
        if reason is not None:
            raise ThrottledError(reason, is_final=allowance.reserved == 0)
        counted = running.provisioned if is_provisioned else running.on_demand
        counted[name] += 1
        try:
            yield
        finally:
            counted[name] -= 1
            if not counted[name]:
                del counted[name]


def find_refusal(running: Running, allowance: Allowance, *, is_provisioned: bool) -> str | None:
    """Return the reason why one event more cannot run, or None."""
    name, reserved = allowance.function_name, allowance.reserved
    if reserved is not None:
        own = reserved - allowance.provisioned
        if running.of(name) >= reserved or (not is_provisioned and running.on_demand[name] >= own):
            return RESERVED_FULL
    if running.total() >= allowance.account_limit:
        return SHARED_FULL
    if reserved is None and not is_provisioned:
        return SHARED_FULL if running.unreserved(allowance.reserving) >= allowance.unreserved_limit else None
    return None
