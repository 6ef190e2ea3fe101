"""Hyper-parameters: decoded and handed on as the training toolkit does it."""

from typing import Any

import pytest

from localaws.sagemaker.training import hyperparameters as hp


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"64"', "64"),
        ("64", 64),
        ("0.001", 0.001),
        ("true", True),
        ("null", None),
        ("resnet18", "resnet18"),
        ("[1, 2]", [1, 2]),
        ('{"a": 1}', {"a": 1}),
        ("", ""),
        ('"unclosed', '"unclosed'),
    ],
)
def test_values_are_json_or_else_text(text: str, value: Any) -> None:
    assert hp.decode({"name": text}) == {"name": value}


def test_the_script_gets_its_own_parameters_only() -> None:
    decoded = {"lr": 1, "sagemaker_program": "train.py", "_tuning_objective_metric": "loss"}
    assert hp.user_parameters(decoded) == {"lr": 1}
    assert set(hp.framework_parameters(decoded)) == {"sagemaker_program", "_tuning_objective_metric"}


def test_arguments_are_sorted_with_one_dash_for_one_letter() -> None:
    parameters = {"z": 1, "batch": "64", "flag": True, "nothing": None, "map": {"b": 2, "a": 1}}
    expected = ["--batch", "64", "--flag", "True", "--map", "a=1,b=2", "--nothing", "", "-z", "1"]
    assert hp.to_arguments(parameters) == expected


def test_variables_hold_text_as_it_is_and_the_rest_as_json() -> None:
    values = ["a b", None, 1.5, {"b": [1], "a": "x"}]
    assert [hp.to_variable(value) for value in values] == ["a b", "", "1.5", '{"a":"x","b":[1]}']


def test_a_value_that_nests_as_deep_as_its_length_allows_is_text() -> None:
    """A hyper-parameter has up to 2,500 characters."""
    assert hp.decode({"deep": "[" * 2500}) == {"deep": "[" * 2500}
