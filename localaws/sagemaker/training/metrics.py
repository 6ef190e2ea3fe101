"""Read metrics from log lines with the job's MetricDefinitions."""

import logging
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import regex

logger = logging.getLogger(__name__)

MATCH_S = 1.0
"""Processor seconds that one pattern gets for one line. A pattern comes from a client, and some take time by
the power of a line's length; Python's own matcher cannot be stopped, and lets no other thread go on."""
MAX_OVERRUNS = 3
"""Lines on which a pattern may take longer, before it is given up: the output of its job waits each time."""


class MetricPattern:
    """The regular expression of one metric. Thread-safe. Raises regex.error for what is none."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._compiled = regex.compile(text)
        self._overruns = 0

    def read(self, line: str) -> float | None:
        """Return the last finite number in the line, or None: the first group is the number."""
        if self._overruns >= MAX_OVERRUNS:
            return None
        try:
            return self._read(line)
        except TimeoutError:
            self._overruns += 1
            end = ", and is given up" if self._overruns >= MAX_OVERRUNS else ""
            logger.warning("the metric's pattern %r took over %s s for a line%s", self._text, MATCH_S, end)
            return None

    def _read(self, line: str) -> float | None:
        number = None
        for match in self._compiled.finditer(line, timeout=MATCH_S, concurrent=True):
            text = match[1] if self._compiled.groups else match[0]
            try:
                value = float(text)
            except (TypeError, ValueError):
                continue
            if math.isfinite(value):
                number = value
        return number


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
        self._patterns = [(item["Name"], MetricPattern(item["Regex"])) for item in definitions]
        self._lock = threading.Lock()
        self._last: dict[str, tuple[float, datetime]] = {}

    def read(self, line: str, *, now: datetime) -> None:
        """Apply every definition to one line: its first group is the number (API_MetricDefinition)."""
        for name, pattern in self._patterns:
            value = pattern.read(line)
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
