"""The function's benchmarks, small: what they count is so, whatever the machine's speed."""

from typing import Any

from benchmarks import lambda_init, lambda_soak


def test_a_function_at_its_limit_loses_nothing() -> None:
    found = lambda_soak.measure(invocations=200, reserved=2)
    assert (found["invocations"], found["over_limit"], found["lost"]) == (200, 0, 0)
    assert found["environments"] <= 2
    assert found["most_at_once"] <= 2


def test_overlaps_are_counted_by_what_ran() -> None:
    spans = [(0.0, 4.0), (1.0, 2.0), (1.5, 3.0), (2.0, 5.0)]
    answers: list[dict[str, Any]] = [{"began": began, "ended": ended} for began, ended in spans]
    assert lambda_soak.most_at_once(answers) == 3
    assert lambda_soak.most_at_once([]) == 0


def test_anything_but_an_answer_and_aws_s_own_throttle_is_lost() -> None:
    seen = lambda_soak.Seen()
    lambda_soak.note(seen, 200, "", b'{"began": 1, "ended": 2}')
    lambda_soak.note(seen, 429, "", b'{"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}')
    lambda_soak.note(seen, 429, "", b'{"Reason": "CallerRateLimitExceeded"}')
    lambda_soak.note(seen, 200, "Unhandled", b'{"errorMessage": "x"}')
    lambda_soak.note(seen, 500, "", b"{}")
    assert (len(seen.answers), seen.throttled, seen.odd.total()) == (1, 1, 3)


def test_a_warm_invocation_opens_no_connection() -> None:
    assert lambda_init.measure_warm(1)["new_connections"] == 0


def test_a_start_is_measured_in_a_process_of_its_own() -> None:
    assert 0 < lambda_init.start_s(lambda_init.OURS) < 30
