"""The arithmetic of metric math, and what is refused."""

import pytest
from moto.cloudwatch.exceptions import ValidationError

from localaws.cloudwatch.expressions import evaluate, parse, used_ids

RESULTS = {"m1": {0: 6.0, 60: 8.0}, "m2": {0: 3.0, 60: 0.0, 120: 1.0}}


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("m1 + m2", {0: 9.0, 60: 8.0}),
        ("100 * m1 / m2", {0: 200.0}),
        ("-(m1 - 2) * 0.5", {0: -2.0, 60: -3.0}),
        ("m2", {0: 3.0, 60: 0.0, 120: 1.0}),
    ],
)
def test_arithmetic_is_computed_where_every_value_is_there(expression: str, values: dict[int, float]) -> None:
    assert evaluate(parse(expression), RESULTS) == values


@pytest.mark.parametrize(
    "expression",
    ["SUM(METRICS())", "m1 ** m2", "m1 if m2 else 1", "m1[0]", "__import__('os')", "'a'", "m1 +", "True", ""],
)
def test_the_rest_is_refused_by_name(expression: str) -> None:
    with pytest.raises(ValidationError, match=r"localaws computes only \+ - \* /"):
        parse(expression)


def test_an_expression_reads_its_ids() -> None:
    assert used_ids(parse("a + b / (c - a)")) == {"a", "b", "c"}
    with pytest.raises(ValidationError, match="at least one query id"):
        evaluate(parse("1 + 1"), {})


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        pytest.param("+".join(["m1"] * 500), 3000.0, id="a long sum"),
        pytest.param("-" * 400 + "m1", 6.0, id="many signs"),
        pytest.param("(" * 90 + "m1" + ")" * 90, 6.0, id="many parentheses"),
        pytest.param("2 * 3 - m1 / 3 - 1", 3.0, id="from left to right"),
    ],
)
def test_depth_is_no_limit(expression: str, value: float) -> None:
    assert evaluate(parse(expression), {"m1": {0: 6.0}}) == {0: value}


@pytest.mark.parametrize(
    "expression",
    ["m1+" * 700 + "m1", "(" * 1000 + "m1" + ")" * 1000, "m1" * 1025],
    ids=["sum", "depth", "name"],
)
def test_what_python_cannot_parse_or_is_too_long_is_refused(expression: str) -> None:
    with pytest.raises(ValidationError, match="Error in expression '"):
        parse(expression)


@pytest.mark.parametrize(
    "expression", ["m1 / (m1 - m1)", "m1 * 1e308 * 10", f"m1 * {'9' * 400}", "m1 * 1e999"]
)
def test_what_is_no_finite_number_is_left_out(expression: str) -> None:
    assert evaluate(parse(expression), {"m1": {0: 6.0}}) == {}


def test_series_without_a_common_time_have_no_sum() -> None:
    assert evaluate(parse("a + b"), {"a": {0: 1.0}, "b": {60: 1.0}}) == {}
