"""Build what the test of the live function tells CloudWatch, and read from its log how it started. Pure.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NAMESPACE = "Musher"
SUCCESS, COLD, WARM = "CanarySuccess", "CanaryColdLatency", "CanaryWarmLatency"
PROJECT, ALIAS, VERSION = "Project", "Alias", "Version"
INIT = re.compile(r"^REPORT .*\tInit Duration: \d", re.MULTILINE)
"""https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html"""


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """What one question to a live function has shown."""

    is_good: bool
    """Whether status, shape and time of the answer were as they must be."""
    version: str | None = None
    """The version that answered; None where none did."""
    milliseconds: float | None = None
    """From the question to the answer, where there was one."""
    is_cold: bool | None = None
    """Whether the question waited for an environment to start; None where the log does not say it."""


def read_start(log_result: str | None) -> bool | None:
    """Return whether an invocation started cold, from what Invoke gives as LogResult; None: not known.

    The function's own line knows it best: for an environment that was started ahead, REPORT has an Init
    Duration for which nobody waited.
    """
    try:
        log = base64.b64decode(log_result or "", validate=True).decode(errors="replace")
    except binascii.Error:
        return None
    for line in log.splitlines():
        told = _read_line(line).get("cold_start")
        if isinstance(told, bool):
            return told
    return INIT.search(log) is not None if "REPORT " in log else None


def _read_line(line: str) -> Mapping[str, Any]:
    try:
        found = json.loads(line) if line.startswith("{") else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def build_data(sighting: Sighting, *, project: str, alias: str) -> list[dict[str, Any]]:
    """Return PutMetricData's MetricData: by project and alias, and by the version that answered, too."""
    values: dict[str, tuple[float, str]] = {SUCCESS: (float(sighting.is_good), "Count")}
    if sighting.milliseconds is not None and sighting.is_cold is not None:
        values[COLD if sighting.is_cold else WARM] = (round(sighting.milliseconds, 3), "Milliseconds")
    scopes = [{PROJECT: project, ALIAS: alias}]
    if sighting.version is not None:
        scopes.append({**scopes[0], VERSION: sighting.version})
    return [
        {
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": said} for key, said in scope.items()],
            "Value": value,
            "Unit": unit,
        }
        for name, (value, unit) in values.items()
        for scope in scopes
    ]
