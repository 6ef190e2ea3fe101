"""What a run learns of a model that gets live requests beside what serves: see musher/results.py."""

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
    """How a new model did beside what serves; figures are None where it was not there."""

    role: str
    """Shadow or challenger."""
    reason: str
    """Why it was not there, or why it is not judged; empty where it is."""
    release: str | None
    """The configuration that serves."""
    percent: int
    production: VariantFigures | None
    shadow: VariantFigures | None
    faults: list[str]
    seconds: float
