"""Readers of command-line values, shared by train.py, embed.py and search.py."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from imgclf.errors import ConfigError
from imgclf.hyperparameters import Bounds, Hyperparameter, read


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
    kind: type[int] | type[float],
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
) -> Callable[[str], Any]:
    """Return a reader of bounded numbers, whole ones for int."""
    bounds = Bounds(least=least, above=above, most=most)
    wanted = f"{'a whole number' if kind is int else 'a number'} {bounds}".rstrip()
    return _reader(lambda text: read(text, kind, bounds=bounds, wanted=wanted))


def boolean(text: str) -> bool:
    """Read true or false in the ways SageMaker and people write them."""
    return bool(_reader(lambda word: read(word, bool, bounds=Bounds(), wanted="true or false"))(text))


def add_options(parser: Parser, declared: Iterable[Hyperparameter]) -> None:
    """Declare the option of each hyper-parameter, under its name."""
    for item in declared:
        words: dict[str, Any] = {"nargs": "?", "const": True} if item.kind is bool else {}
        if item.choices:
            words["metavar"] = "{" + ",".join(item.choices) + "}"
        parser.add_argument(
            f"--{item.name}",
            type=_reader(item.read),
            default=item.default,
            help=f"{item.help} Default: {item.default}.",
            **words,
        )


def _reader(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Turn the ValueError of a bad value into argparse's own, so that its message names the option."""

    def read_option(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read_option
