"""How many invocations run at once, for each function and account. Pure; used from the event loop only."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from localaws.functions.errors import ThrottledError

ACCOUNT_LIMIT = 1000
"""Concurrent executions of an account in a region, AWS's default quota."""
UNRESERVED_MINIMUM = 100
"""Concurrency that reservations must leave (https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html)."""

Key = tuple[str, str, str | None]


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


class Concurrency:
    """Count what runs; refuse what is over the limit."""

    def __init__(self) -> None:
        self._running: Counter[Key] = Counter()

    @contextmanager
    def slot(self, allowance: Allowance) -> Generator[None, None, None]:
        """Hold one slot. Raises ThrottledError with AWS's reason where none is free."""
        shared = allowance.reserved is None
        key = (allowance.account_id, allowance.region, None if shared else allowance.function_name)
        limit = allowance.unreserved_limit
        if allowance.reserved is not None:
            limit = allowance.reserved - allowance.provisioned
        if self._running[key] >= limit:
            raise ThrottledError(
                "ConcurrentInvocationLimitExceeded"
                if shared
                else "ReservedFunctionConcurrentInvocationLimitExceeded",
                is_final=allowance.reserved == 0,
            )
        self._running[key] += 1
        try:
            yield
        finally:
            self._running[key] -= 1
