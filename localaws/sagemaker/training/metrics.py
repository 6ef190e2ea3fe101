"""Read metrics from log lines with the job's MetricDefinitions."""

import math
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any


class MetricReader:
    """Keep the last value of each metric, and tell `on_value` of each.

    `read` may be called from any thread (one for each host).
    """

    def __init__(
        self,
        definitions: Sequence[Mapping[str, str]],
        *,
        on_value: Callable[[str, float], None] = lambda name, value: None,
    ) -> None:
        self._on_value = on_value
        self._patterns = [(item["Name"], re.compile(item["Regex"])) for item in definitions]
        self._lock = threading.Lock()
        self._last: dict[str, tuple[float, datetime]] = {}

    def read(self, line: str, *, now: datetime) -> None:
        """Apply every definition to one line: its first group is the number (API_MetricDefinition)."""
        for name, pattern in self._patterns:
            value = read_number(pattern, line)
            if value is not None:
                with self._lock:
                    self._last[name] = (value, now)
                self._on_value(name, value)

    def final(self) -> list[dict[str, Any]]:
        """Return FinalMetricDataList: the last value of each metric that was seen."""
        with self._lock:
            return [
                {"MetricName": name, "Value": value, "Timestamp": timestamp}
                for name, (value, timestamp) in self._last.items()
            ]


def read_number(pattern: re.Pattern[str], line: str) -> float | None:
    """Return the last finite number that the pattern finds in the line, or None."""
    number = None
    for match in pattern.finditer(line):
        text = match[1] if pattern.groups else match[0]
        try:
            value = float(text)
        except (TypeError, ValueError):
            continue
        if math.isfinite(value):
            number = value
    return number
