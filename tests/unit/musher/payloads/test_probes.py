"""One request more than is reserved: what must come of it."""

import pytest

from musher.payloads.probes import ANSWERED, THROTTLED, is_foreseen, judge_probe


def test_exactly_one_is_throttled() -> None:
    assert judge_probe([ANSWERED, THROTTLED, ANSWERED], reserved=2) is None


@pytest.mark.parametrize(("answered", "throttled"), [(3, 0), (1, 2), (0, 3)])
def test_another_number_is_told(answered: int, throttled: int) -> None:
    outcomes = [ANSWERED] * answered + [THROTTLED] * throttled
    said = judge_probe(outcomes, reserved=2)
    assert said
    assert f"{answered} were answered and {throttled} throttled" in said
    assert is_foreseen(outcomes)


@pytest.mark.parametrize("other", ["ConcurrentInvocationLimitExceeded", "statusCode 502"])
def test_what_else_comes_is_told_whatever_the_numbers(other: str) -> None:
    outcomes = [ANSWERED, THROTTLED, other]
    assert judge_probe(outcomes, reserved=1) == f"1 failed otherwise: {other}"
    assert not is_foreseen(outcomes)
