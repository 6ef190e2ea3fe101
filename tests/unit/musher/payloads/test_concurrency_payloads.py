"""What a function is to have to itself, and whether there is room for it."""

from typing import Any

import pytest

from musher.payloads.concurrency import (
    AccountRoom,
    Concurrency,
    build_concurrency,
    find_contradictions,
    judge_room,
    while_released,
)
from musher.payloads.function_scaling import FunctionScaling

NOTHING = Concurrency(reserved=None, provisioned=0)
NEW_ACCOUNT = AccountRoom(limit=10, unreserved=10)
ACCOUNT = AccountRoom(limit=1000, unreserved=110)


def params(reserved: int, provisioned: int) -> dict[str, Any]:
    return {"function_reserved": reserved, "function_provisioned": provisioned}


def test_zero_reserves_nothing() -> None:
    assert build_concurrency(params(0, 2)) == {"reserved": None, "provisioned": 2}
    assert build_concurrency(params(5, 2)) == {"reserved": 5, "provisioned": 2}


def test_more_provisioned_than_reserved_is_refused_with_both_values() -> None:
    [found] = find_contradictions(params(3, 4))
    assert "function_provisioned is 4" in found
    assert "3" in found
    assert find_contradictions(params(4, 4)) == find_contradictions(params(0, 4)) == []


@pytest.mark.parametrize(("had", "reserved"), [(0, 3), (1, 3), (2, 4)])
def test_two_warm_versions_may_need_more_than_what_stays(had: int, reserved: int) -> None:
    wanted = Concurrency(reserved=3, provisioned=2)
    assert while_released(wanted, provisioned=had) == Concurrency(reserved=reserved, provisioned=had + 2)


@pytest.mark.parametrize(
    ("wanted", "has", "fits"),
    [
        (Concurrency(reserved=10, provisioned=0), NOTHING, True),
        (Concurrency(reserved=11, provisioned=0), NOTHING, False),
        (Concurrency(reserved=11, provisioned=0), Concurrency(reserved=1, provisioned=0), True),
        (Concurrency(reserved=10, provisioned=10), NOTHING, True),
        (Concurrency(reserved=14, provisioned=14), Concurrency(reserved=5, provisioned=5), False),
        (Concurrency(reserved=None, provisioned=11), NOTHING, False),
    ],
)
def test_what_the_account_must_have_left(wanted: Concurrency, has: Concurrency, fits: bool) -> None:
    assert (judge_room(wanted, has=has, account=ACCOUNT) == []) is fits


def test_an_account_without_room_is_told_what_would_fit() -> None:
    [found] = judge_room(Concurrency(reserved=5, provisioned=2), has=NOTHING, account=NEW_ACCOUNT)
    for said in ("function_reserved is 5", "can give this function 0", "limit is 10", "Service Quotas"):
        assert said in found
    assert judge_room(NOTHING, has=NOTHING, account=NEW_ACCOUNT) == []


@pytest.mark.parametrize(
    ("reserved", "has", "schedule", "most", "fits"),
    [
        (None, NOTHING, [], 10, True),
        (None, NOTHING, [], 11, False),
        (None, NOTHING, ["rate(1 day) 2 11"], 4, False),
        (None, Concurrency(reserved=None, provisioned=1), [], 11, True),
        # The version before has come to 6: the new one begins with 4 beside them, and 16 are there for it.
        (None, Concurrency(reserved=None, provisioned=6), [], 4, True),
        (None, Concurrency(reserved=None, provisioned=11), [], 11, False),
        # What is reserved has room for the growth, but not for two versions of 8.
        (10, NOTHING, [], 10, True),
        (10, Concurrency(reserved=5, provisioned=8), [], 8, False),
    ],
)
def test_the_account_must_have_room_for_all_that_provisioned_concurrency_may_grow_to(
    reserved: int | None, has: Concurrency, schedule: list[str], most: int, fits: bool
) -> None:
    scaling = FunctionScaling(least=1, most=most, target_percent=70.0, schedule=schedule)
    wanted = Concurrency(reserved=reserved, provisioned=1)
    assert (judge_room(wanted, has=has, account=ACCOUNT, scaling=scaling) == []) is fits


def test_growth_without_room_is_told_with_what_it_comes_to() -> None:
    scaling = FunctionScaling(least=0, most=4, target_percent=70.0, schedule=["rate(1 day) 2 40"])
    [found] = judge_room(NOTHING, has=NOTHING, account=ACCOUNT, scaling=scaling)
    for said in (
        "function_provisioned 0, which may grow to 40: that takes 40",
        "can give this function 10",
        "Lower function_scale_max and what function_scale_schedule sets",
    ):
        assert said in found
    assert "warm" not in found
    before = Concurrency(reserved=None, provisioned=38)
    most = FunctionScaling(least=1, most=38, target_percent=70.0)
    [found] = judge_room(Concurrency(reserved=None, provisioned=1), has=before, account=ACCOUNT, scaling=most)
    assert (
        "that takes 38 of the account's concurrent executions, 76 while the version before is warm" in found
    )
