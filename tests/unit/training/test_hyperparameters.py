"""A hyper-parameter's field says all that is known of it; readers and options follow."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from imgclf.errors import ConfigError
from imgclf.hyperparameters import Bounds, hyperparameter, hyperparameters
from imgclf.options import Parser, add_options


@dataclass(frozen=True, kw_only=True)
class Cake:
    """Some hyper-parameters of each kind, and a field that is none."""

    sugar_g: int = hyperparameter(100, bounds=Bounds(least=0, most=500), help="Sweetness.")
    heat: float = hyperparameter(0.5, bounds=Bounds(above=0, most=1), help="Share of the oven's power.")
    shape: str = hyperparameter("round", choices=("round", "square"), is_tunable=False, help="Its form.")
    iced: bool = hyperparameter(False, help="Whether it is iced.")
    baker: str = "nobody"


DECLARED = hyperparameters(Cake)


def parse(*words: str) -> Cake:
    parser = Parser(allow_abbrev=False)
    add_options(parser, DECLARED.values())
    return Cake(**vars(parser.parse_args(words)))


def test_only_declared_fields_are_hyper_parameters() -> None:
    assert list(DECLARED) == ["sugar_g", "heat", "shape", "iced"]
    assert [item.kind for item in DECLARED.values()] == [int, float, str, bool]
    assert [item.is_tunable for item in DECLARED.values()] == [True, True, False, True]


def test_without_options_the_defaults_hold() -> None:
    assert parse() == Cake() == Cake(sugar_g=100, heat=0.5, shape="round", iced=False)


def test_options_are_read_in_their_kind() -> None:
    found = parse("--sugar_g", "0", "--heat", "1", "--shape", "square", "--iced")
    assert found == Cake(sugar_g=0, heat=1.0, shape="square", iced=True)
    assert parse("--iced", "no") == Cake()


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("sugar_g", "501", "a whole number from 0 to 500"),
        ("sugar_g", "1.5", "a whole number from 0 to 500"),
        ("sugar_g", "-1", "a whole number from 0 to 500"),
        ("heat", "0", "a number above 0 and up to 1"),
        ("heat", "nan", "a number above 0 and up to 1"),
        ("heat", "inf", "a number above 0 and up to 1"),
        ("heat", "hot", "a number above 0 and up to 1"),
        ("shape", "star", "one of round, square"),
        ("iced", "perhaps", "true or false"),
    ],
)
def test_a_bad_value_is_refused_with_what_is_wanted(option: str, value: str, wanted: str) -> None:
    with pytest.raises(ConfigError, match=f"--{option}: '{value}' must be {wanted}"):
        parse(f"--{option}={value}")


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Bounds(), ""),
        (Bounds(least=1), "from 1"),
        (Bounds(most=9), "up to 9"),
        (Bounds(above=0), "above 0"),
        (Bounds(above=0, most=1), "above 0 and up to 1"),
        (Bounds(least=8, most=1024), "from 8 to 1024"),
    ],
)
def test_bounds_are_told_in_words(bounds: Bounds, words: str) -> None:
    assert str(bounds) == words


def test_the_help_of_an_option_is_that_of_its_field() -> None:
    parser = Parser(allow_abbrev=False)
    add_options(parser, DECLARED.values())
    text = " ".join(parser.format_help().split())
    assert "Share of the oven's power. Default: 0.5." in text
    assert "--shape {round,square}" in text
