"""Write the metric lines that SageMaker's regexes read.

The lines are written here and read by `metric_definitions.json`; a test checks one against the other.
"""

from __future__ import annotations

import json
from pathlib import Path

DEFINITIONS_FILE = Path(__file__).resolve().parents[2] / "metric_definitions.json"


def metric_line(**values: float) -> str:
    """Format metrics as `train:loss=0.123456 valid:accuracy=0.980000` from train_loss=, valid_accuracy=."""
    return " ".join(f"{name.replace('_', ':', 1)}={value:.6f}" for name, value in values.items())


def metric_definitions() -> list[dict[str, str]]:
    """Return the job's MetricDefinitions: Name and Regex of each metric."""
    definitions: list[dict[str, str]] = json.loads(DEFINITIONS_FILE.read_text())
    return definitions
