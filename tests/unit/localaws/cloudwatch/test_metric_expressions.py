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
