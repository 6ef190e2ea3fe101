"""Metric math: the four arithmetic operators, numbers, parentheses and the ids of other queries. Pure.

AWS's functions (SUM, IF, FILL, SEARCH, ...) and its SQL are refused.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence

from moto.cloudwatch.exceptions import ValidationError

OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
ALLOWED = (ast.BinOp, ast.UnaryOp, ast.USub, ast.Name, ast.Load, *OPERATORS)
MAX_LENGTH = 2048
"""Characters of an expression (API_MetricDataQuery)."""
MAX_STEPS = 2_000_000
"""Numbers, names and operators that the expressions of one request look at, at all times together: a few
seconds. A hundred expressions of five operators over a day's minutes are fewer; the longest took hours."""

Values = Mapping[int, float]
"""Values by the second at which their period begins."""


def parse(expression: str) -> ast.expr:
    """Return the tree of an expression; raises ValidationError for what is not computed here."""
    refusal = ValidationError(
        f"Error in expression '{expression[:100]}': localaws computes only + - * / of numbers and query ids"
    )
    if len(expression) > MAX_LENGTH:
        raise refusal
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
        names = [node for node in ast.walk(tree) if not _is_allowed(node)]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise refusal from error
    if names:
        raise refusal
    return tree


def _is_allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float) and not isinstance(node.value, bool)
    return isinstance(node, ALLOWED)


def used_ids(tree: ast.expr) -> set[str]:
    """Return the ids of the queries that an expression reads."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


class Budget:
    """What the expressions of one request may cost."""

    def __init__(self) -> None:
        self._left = MAX_STEPS

    def spend(self, steps: int) -> None:
        """Count work that is about to be done; raises ValidationError where it is too much."""
        self._left -= steps
        if self._left < 0:
            raise ValidationError(
                f"localaws computes at most {MAX_STEPS:,} numbers and operators for one request: ask for "
                "fewer expressions, shorter ones, a longer Period or a shorter range of time"
            )


def evaluate(
    tree: ast.expr, results: Mapping[str, Values], *, budget: Budget | None = None
) -> dict[int, float]:
    """Compute an expression at each time at which all that it reads has a value.

    What is no finite number, such as x / 0, is left out. Raises ValidationError where it is over the budget.
    """
    ids = used_ids(tree)
    if not ids:
        raise ValidationError("Error in expression: it must read at least one query id")
    steps = _postfix(tree)
    times = set.intersection(*(set(results[name]) for name in ids))
    (budget or Budget()).spend(len(steps) * len(times))
    found = {}
    for time in sorted(times):
        try:
            value = _value(steps, {name: results[name][time] for name in ids})
        except (ZeroDivisionError, OverflowError):
            continue
        if math.isfinite(value):
            found[time] = value
    return found


def count_steps(tree: ast.expr) -> int:
    """Return how many numbers, names and operators an expression looks at for one time."""
    return len(_postfix(tree))


def _postfix(tree: ast.expr) -> Sequence[ast.expr]:
    """Return operands and operators in the order of their computation: no depth is too much for a loop."""
    found, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        found.append(node)
        if isinstance(node, ast.BinOp):
            waiting += [node.left, node.right]
        elif isinstance(node, ast.UnaryOp):
            waiting.append(node.operand)
    return found[::-1]


def _value(steps: Sequence[ast.expr], values: Mapping[str, float]) -> float:
    stack: list[float] = []
    for node in steps:
        if isinstance(node, ast.Constant):
            stack.append(float(node.value))  # type: ignore[arg-type]  # _is_allowed has seen to it
        elif isinstance(node, ast.Name):
            stack.append(values[node.id])
        elif isinstance(node, ast.UnaryOp):
            stack.append(-stack.pop())
        elif isinstance(node, ast.BinOp):
            right, left = stack.pop(), stack.pop()
            stack.append(OPERATORS[type(node.op)](left, right))
    return stack.pop()
