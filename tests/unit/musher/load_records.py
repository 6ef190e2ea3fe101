"""Load tests that nobody ran: results as the generator makes them, and what the stage stores of them."""

from collections.abc import Sequence
from typing import Any

from musher.scaling.prediction import unpredicted
from musher.traffic.bins import bin_latencies
from musher.traffic.load_test import measured
from musher.traffic.profiles import Constant, describe
from musher.traffic.recorder import Recorder

STARTED_AT_S = 1_767_225_600.25
"""A moment of 2026-01-01 in UTC."""


def measure_all(
    latencies_s: Sequence[float],
    *,
    failures: Sequence[str] = (),
    dropped: int = 0,
    late_s: float = 0.0,
    duration_s: float = 10.0,
    is_complete: bool = True,
) -> dict[str, Any]:
    """Return the generator's result for evenly due requests: successes, then quick failures, then drops."""
    recorder = Recorder(duration_s=duration_s)
    count = len(latencies_s) + len(failures) + dropped
    moments = iter(duration_s * number / max(1, count) for number in range(count))
    outcomes = [(latency_s, None) for latency_s in latencies_s] + [(0.001, name) for name in failures]
    for latency_s, failure in outcomes:
        due_s = next(moments)
        recorder.send(due_s, late_s=late_s, in_flight=1)
        recorder.finish(due_s, latency_s=latency_s + late_s, service_s=latency_s, failure=failure)
    for due_s in moments:
        recorder.drop(due_s)
    profile = Constant(rate=max(1, count) / duration_s, duration_s=duration_s)
    result = measured(recorder, took_s=duration_s, is_complete=is_complete)
    return {"profile": describe(profile), "started_at_s": STARTED_AT_S, **result}


def store_all(found: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return what the stage stores of a result, with changes."""
    record = {
        "target": "musher-live",
        "images": ["s3://b/a.png"],
        "began_at": "2026-01-01T00:00:00+00:00",
        "scaling": None,
        "instances": [
            {"at_s": 0.0, "current": 1, "desired": 1},
            {"at_s": 4.0, "current": 1, "desired": 2},
            {"at_s": 8.0, "current": 2, "desired": 2},
        ],
        "predicted": unpredicted("Nobody asked."),
        "measured": found,
        "bins": bin_latencies(found["latency_histogram"]),
        "due": [{"at_s": row["start_s"] + 0.5, "per_s": 5.0} for row in found["windows"]],
    }
    return {**record, **changes}
