"""Rates of requests: buckets that fill up with AWS's time."""

from typing import Any

from localaws.faults.rates import MAX_BUCKETS, Buckets
from localaws.faults.validation import parse_rates


def buckets(**members: Any) -> Buckets:
    """Return the buckets of one rate of SageMaker's lists."""
    return Buckets(parse_rates([{"service": "sagemaker", "actions": ["List*"], "per_s": 2} | members]))


def take(
    found: Buckets, now_s: float, *, action: str = "ListTrainingJobs", account: str = "1", region: str = "r"
) -> bool:
    """Ask once; tell whether the request passes."""
    rate = found.take(account=account, region=region, service="sagemaker", action=action, now_s=now_s)
    return rate is None


def test_a_full_bucket_lets_its_size_through_and_then_as_many_as_come_back() -> None:
    found = buckets()
    assert [take(found, 0.0) for _ in range(3)] == [True, True, False]
    assert [take(found, 0.5), take(found, 0.5)] == [True, False]
    assert [take(found, 100.0) for _ in range(3)] == [True, True, False]


def test_a_poll_at_the_rate_is_never_throttled() -> None:
    found = buckets(per_s=3, burst=1)
    assert all(take(found, number / 3) for number in range(1000))


def test_a_refused_request_takes_nothing() -> None:
    found = buckets(burst=1)
    assert [take(found, at_s) for at_s in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)] == [True] + [False] * 4 + [True]


def test_operations_accounts_and_regions_have_buckets_of_their_own() -> None:
    found = buckets(burst=1)
    assert take(found, 0.0)
    assert take(found, 0.0, action="ListModels")
    assert take(found, 0.0, account="2")
    assert take(found, 0.0, region="eu-central-1")
    assert not take(found, 0.0)


def test_operations_may_share_a_bucket() -> None:
    found = buckets(burst=1, shared=True)
    assert [take(found, 0.0), take(found, 0.0, action="ListModels")] == [True, False]


def test_what_has_no_rate_passes() -> None:
    found = buckets(burst=1)
    assert all(take(found, 0.0, action="CreateModel") for _ in range(5))


def test_the_first_rate_that_concerns_a_call_counts() -> None:
    found = Buckets(parse_rates("aws"))
    passed = [
        found.take(account="1", region="r", service="lambda", action="GetFunction", now_s=0.0) is None
        for _ in range(101)
    ]
    assert passed == [True] * 100 + [False]
    shared = [
        found.take(account="1", region="r", service="lambda", action=action, now_s=0.0) is None
        for action in ["CreateFunction", "ListFunctions"] * 8
    ]
    assert shared == [True] * 15 + [False]
    assert found.take(account="1", region="r", service="lambda", action="Invoke", now_s=0.0) is None


def test_regions_that_clients_make_up_do_not_fill_the_memory() -> None:
    found = buckets(burst=1)
    assert all(take(found, 0.0, region=str(number)) for number in range(MAX_BUCKETS + 5))
    assert len(found._left) <= MAX_BUCKETS
