"""What a run learns of a model in the shadow of what serves: see musher/results.py."""

from typing import TypedDict


class VariantFigures(TypedDict):
    """What CloudWatch counted of an endpoint's variant."""

    requests: int
    errors_4xx: int
    errors_5xx: int
    p50_ms: float | None
    """Median of the minutes' medians."""
    p99_ms: float | None
    """Of the worst minute."""


class ShadowResult(TypedDict):
    """How a new model did in the shadow of what serves; figures are None where it was in none."""

    reason: str
    """Why there was no shadow, or why it is not judged; empty where it is."""
    release: str | None
    """The configuration that serves."""
    percent: int
    production: VariantFigures | None
    shadow: VariantFigures | None
    faults: list[str]
    seconds: float
