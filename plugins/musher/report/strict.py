"""Make values that every reader of JSON and of UTF-8 takes."""

import math
import re
from collections.abc import Mapping
from typing import Any

SURROGATES = re.compile("[\ud800-\udfff]")
"""Halves of UTF-16 pairs: Python has them for the bytes of file names that are not UTF-8."""


def make_strict(value: Any) -> Any:
    """Return a value of JSON with its floats at six significant digits: 0.6675000190734863 -> 0.6675.

    JSON has no NaN and no infinity (RFC 8259): None stands for them, as in a training that diverged.
    """
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, Mapping):
        return {make_strict(key): make_strict(item) for key, item in value.items()}
    return [make_strict(item) for item in value] if isinstance(value, list | tuple) else value


def replace_surrogates(text: str) -> str:
    """Return a text that can be encoded, with U+FFFD for what cannot."""
    return SURROGATES.sub("\ufffd", text)
