"""How often functions are asked, and how fast they grow, on a clock that is moved by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from localaws.clock import ManualClock
from localaws.functions.concurrency.rates import GrowthRate, RequestRates
from localaws.functions.concurrency.slots import Allowance
from localaws.functions.errors import ThrottledError
from localaws.functions.spec import EnvironmentSpec

ALLOWANCE = Allowance(
    account_id="1", region="us-east-1", function_name="dogs", reserved=None, unreserved_limit=3
)
SPEC = EnvironmentSpec(
    account_id="1",
    region="us-east-1",
    function_name="dogs",
    version="1",
    handler="app.handler",
    role="arn",
    runtime="python3.11",
    memory_mb=128,
    timeout_s=3.0,
    variables=(),
    task_root=Path("/code"),
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def asked(rates: RequestRates, allowance: Allowance, *, is_provisioned: bool = False) -> int:
    """Return how many requests are taken at once, 1,000 at most."""
    for taken in range(1000):
        try:
            rates.check(allowance, is_provisioned=is_provisioned)
        except ThrottledError:
            return taken
    return 1000


@pytest.mark.parametrize(
    ("reserved", "most", "reason"),
    [
        (2, 20, "ReservedFunctionInvocationRateLimitExceeded"),
        (None, 30, "FunctionInvocationRateLimitExceeded"),
    ],
)
def test_ten_requests_a_second_for_each_unit_are_taken_and_more_are_told_why(
    clock: ManualClock, reserved: int | None, most: int, reason: str
) -> None:
    rates, allowance = RequestRates(clock), replace(ALLOWANCE, reserved=reserved)
    assert asked(rates, allowance) == most
    with pytest.raises(ThrottledError) as caught:
        rates.check(allowance, is_provisioned=False)
    assert (caught.value.reason, caught.value.is_final) == (reason, False)
    clock.advance(0.5)
    assert asked(rates, allowance) == most // 2, "it is refilled all the time"
    clock.advance(3600)
    assert asked(rates, allowance) == most, "and never accumulates"


def test_what_is_reserved_is_a_function_s_and_the_rest_is_an_account_s(clock: ManualClock) -> None:
    rates, reserved = RequestRates(clock), replace(ALLOWANCE, reserved=1)
    assert asked(rates, ALLOWANCE) == 30
    assert asked(rates, replace(ALLOWANCE, function_name="cats")) == 0
    assert asked(rates, replace(ALLOWANCE, account_id="2")) == 30
    assert asked(rates, reserved) == 10
    assert asked(rates, replace(reserved, function_name="cats")) == 10


def test_what_is_provisioned_takes_nothing_of_what_is_unreserved(clock: ManualClock) -> None:
    rates = RequestRates(clock)
    assert asked(rates, ALLOWANCE, is_provisioned=True) == 1000
    assert asked(rates, replace(ALLOWANCE, reserved=2), is_provisioned=True) == 20


def test_a_reservation_that_shrinks_holds_at_once(clock: ManualClock) -> None:
    rates = RequestRates(clock)
    rates.check(replace(ALLOWANCE, reserved=5), is_provisioned=False)
    assert asked(rates, replace(ALLOWANCE, reserved=1)) == 10


def test_provisioned_environments_take_ten_requests_a_second_each(clock: ManualClock) -> None:
    rates = RequestRates(clock)
    assert sum(rates.takes_provisioned(SPEC, count=2) for _ in range(100)) == 20
    assert rates.takes_provisioned(replace(SPEC, version="2"), count=1)
    clock.advance(0.1)
    assert sum(rates.takes_provisioned(SPEC, count=2) for _ in range(100)) == 2


def test_a_function_grows_by_a_thousand_environments_in_ten_seconds(clock: ManualClock) -> None:
    growth = GrowthRate(clock)
    for _ in range(1000):
        growth.check(SPEC)
    with pytest.raises(ThrottledError) as caught:
        growth.check(SPEC)
    assert caught.value.reason == "ConcurrentInvocationLimitExceeded"
    growth.check(replace(SPEC, function_name="cats"))
    clock.advance(1.0)
    for _ in range(100):
        growth.check(SPEC)
    with pytest.raises(ThrottledError):
        growth.check(replace(SPEC, version="2"))
    clock.advance(3600)
    for _ in range(1000):
        growth.check(SPEC)
    with pytest.raises(ThrottledError):
        growth.check(SPEC)
