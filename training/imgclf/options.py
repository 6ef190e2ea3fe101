"""Readers of command-line values, shared by train.py, embed.py and search.py."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from typing import NoReturn

from imgclf.errors import ConfigError


class Parser(argparse.ArgumentParser):
    """A parser that raises ConfigError, so that bad values reach the job's failure file."""

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError where argparse would end the process."""
        raise ConfigError(f"{message}; see {self.prog} --help")


def unquote(argument: str) -> str:
    """Turn `"64"` into `64`."""
    if len(argument) >= 2 and argument[0] == argument[-1] == '"':
        return str(json.loads(argument))
    return argument


def number(
    wanted: str, kind: type[int] | type[float], low: float, high: float = math.inf
) -> Callable[[str], float | int]:
    """Return a reader of bounded numbers; a float must lie above `low`, an int may equal it."""

    def read(text: str) -> float | int:
        try:
            value = kind(text)
        except ValueError:
            value = kind(low) - 1
        too_low = value <= low if kind is float else value < low
        if too_low or not value <= high or math.isinf(value):
            raise argparse.ArgumentTypeError(f"{text!r} must be {wanted}")
        return value

    return read


def boolean(text: str) -> bool:
    """Read true/false in the ways SageMaker and people write them."""
    values = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(f"{text!r} must be true or false")
    return values[text.lower()]
