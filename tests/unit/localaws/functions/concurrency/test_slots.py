"""Which invocations are throttled, and with which of AWS's reasons."""

import dataclasses
from contextlib import ExitStack

import pytest

from localaws.functions.answers import error_response
from localaws.functions.concurrency.slots import Allowance, Concurrency
from localaws.functions.errors import ThrottledError
from tests.objections import objection

SHARED = "ConcurrentInvocationLimitExceeded"
RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"


def allowance(
    name: str = "dogs", *, reserved: int | None = None, provisioned: int = 0, account_id: str = "1"
) -> Allowance:
    """Return what a function may run in an account of three."""
    return Allowance(
        account_id=account_id,
        region="us-east-1",
        function_name=name,
        reserved=reserved,
        unreserved_limit=3,
        provisioned=provisioned,
    )


@pytest.mark.parametrize(
    ("allowed", "slots", "reason"),
    [
        (allowance(), 3, SHARED),
        (allowance(reserved=2), 2, RESERVED),
        (allowance(reserved=5), 5, RESERVED),
        (allowance(reserved=5, provisioned=2), 3, RESERVED),
        (allowance(reserved=2, provisioned=2), 0, RESERVED),
        (allowance(reserved=0), 0, RESERVED),
    ],
)
def test_slots_are_counted_to_the_limit(allowed: Allowance, slots: int, reason: str) -> None:
    concurrency = Concurrency()
    with ExitStack() as running:
        for _ in range(slots):
            running.enter_context(concurrency.slot(allowed))
        with pytest.raises(ThrottledError) as caught, concurrency.slot(allowed):
            pass
    assert caught.value.reason == reason
    assert caught.value.is_final is (allowed.reserved == 0)
    if slots:
        with concurrency.slot(allowed):
            pass  # all were given back


def test_a_slot_is_given_back_by_what_fails() -> None:
    concurrency, allowed = Concurrency(), allowance(reserved=1)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="no dog"), concurrency.slot(allowed):
            raise RuntimeError("no dog")


def test_what_is_shared_is_an_accounts_and_what_is_reserved_a_functions() -> None:
    concurrency = Concurrency()
    with ExitStack() as running:
        for name in ("dogs", "cats", "birds"):
            running.enter_context(concurrency.slot(allowance(name)))
        with pytest.raises(ThrottledError), concurrency.slot(allowance("fish")):
            pass
        running.enter_context(concurrency.slot(allowance("fish", account_id="2")))
        running.enter_context(concurrency.slot(allowance("fish", reserved=1)))
        running.enter_context(concurrency.slot(allowance("mice", reserved=1)))


@pytest.mark.parametrize("reason", [SHARED, RESERVED, "CallerRateLimitExceeded"])
def test_a_throttle_is_answered_with_its_reason(reason: str) -> None:
    answer = error_response(ThrottledError(reason), request_id="r-1")
    assert answer.status == 429
    assert answer.headers["x-amzn-errortype"] == "TooManyRequestsException"
    assert answer.body == (b'{"Reason": "%s", "Type": "User", "message": "Rate Exceeded."}' % reason.encode())


def test_a_reservation_counts_what_began_before_it() -> None:
    concurrency = Concurrency()
    with ExitStack() as running:
        for _ in range(2):
            running.enter_context(concurrency.slot(allowance()))
        with pytest.raises(ThrottledError) as caught, concurrency.slot(allowance(reserved=2)):
            pass
    assert caught.value.reason == RESERVED


def test_what_outlives_its_reservation_takes_from_the_rest() -> None:
    concurrency = Concurrency()
    with ExitStack() as running:
        for _ in range(3):
            running.enter_context(concurrency.slot(allowance(reserved=3)))
        with pytest.raises(ThrottledError) as caught, concurrency.slot(allowance("cats")):
            pass
    assert caught.value.reason == SHARED


def test_a_reservation_gives_the_rest_back_what_it_runs() -> None:
    concurrency, reserving = Concurrency(), frozenset({"dogs"})
    with ExitStack() as running:
        for _ in range(3):
            running.enter_context(concurrency.slot(allowance()))
        cats = allowance("cats")
        assert isinstance(objection(running.enter_context, concurrency.slot(cats)), ThrottledError)
        after = dataclasses.replace(cats, reserving=reserving)
        assert objection(running.enter_context, concurrency.slot(after)) is None


def test_what_is_provisioned_counts_for_the_reservation_and_the_account_but_not_for_the_rest() -> None:
    concurrency = Concurrency()
    with ExitStack() as running:
        for _ in range(2):
            running.enter_context(concurrency.slot(allowance(), is_provisioned=True))
        for _ in range(3):
            running.enter_context(concurrency.slot(allowance()))
        for is_provisioned in (True, False):
            reserved = allowance(reserved=5, provisioned=2)
            with pytest.raises(ThrottledError) as caught:
                running.enter_context(concurrency.slot(reserved, is_provisioned=is_provisioned))
            assert caught.value.reason == RESERVED
        full = dataclasses.replace(allowance("cats", reserved=3), account_limit=5)
        with pytest.raises(ThrottledError) as caught, concurrency.slot(full):
            pass
        assert caught.value.reason == SHARED
