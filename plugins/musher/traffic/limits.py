"""Hold what a load test measured against limits. Pure."""

from musher.results import LoadTestResult

MAX_LATE_MS = 10.0
"""Lateness of the generator's own, at p99, above which its host was too small for the rate."""


def find_misses(load: LoadTestResult, *, max_p99_ms: float | None, max_error_percent: float) -> list[str]:
    """Return a sentence for each limit that was missed; nothing at all, and no success, miss both.

    Quick refusals lower no latency, and what was never sent counts as an error.
    """
    misses = []
    percent = error_percent(load)
    if percent is None:
        return ["no request was due: the load is too low for so short a time"]
    if not load["succeeded"]:
        misses.append(f"none of {load['sent'] + load['dropped']} requests succeeded{_name_errors(load)}")
    elif percent > max_error_percent:
        misses.append(
            f"{percent:.2f} % of the requests failed or were never sent{_name_errors(load)}, above "
            f"{max_error_percent:g} (load_test_max_error_percent)"
        )
    p99_ms = judged_p99_ms(load)
    if max_p99_ms is not None and p99_ms is not None and p99_ms > max_p99_ms:
        misses.append(f"the p99 is {p99_ms:.0f} ms, above {max_p99_ms:g} (load_test_max_p99_ms)")
    return misses


def error_percent(load: LoadTestResult) -> float | None:
    """Return the share of requests, 0 to 100, that failed or were never sent; None where none was due."""
    due = load["sent"] + load["dropped"]
    return 100 * (load["failed"] + load["dropped"]) / due if due else None


def judged_p99_ms(load: LoadTestResult) -> float | None:
    """Return the p99 from when requests were due, or from when they were sent if the generator was late.

    A worker that is too busy to send in time says nothing of the target.
    """
    late_ms = load["lateness"]["p99_ms"]
    is_late = late_ms is not None and late_ms > MAX_LATE_MS
    return load["service" if is_late else "latency"]["p99_ms"]


def _name_errors(load: LoadTestResult) -> str:
    counts = {**load["errors"], **({"never sent": load["dropped"]} if load["dropped"] else {})}
    named = ", ".join(f"{name} {count}" for name, count in counts.items())
    return f" ({named})" if named else ""
