"""Second releases that nobody made."""

from typing import Any

from scripts.second_release import SecondRelease


def make_second(**changes: Any) -> SecondRelease:
    """Return a good one, with changes."""
    values: dict[str, Any] = {
        "failure": None,
        "report": None,
        "accuracy": 0.98,
        "before": "musher-1-a",
        "wanted": "musher-2-b",
        "after": "musher-2-b",
        "requests": 200,
        "during": 40,
        "failed": 0,
        "p99_ms": 31.4,
        "seconds": 20.0,
    }
    return SecondRelease(**(values | changes))
