"""Each test says what must hold: it asserts, itself or through a function of tests/ that it names."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

ASSERTING = frozenset({"raises", "warns", "fail"})
"""pytest's own; of others' what begins with `assert`."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A function of tests/, and what it says."""

    name: str
    place: str
    asserts: bool
    calls: frozenset[str]
    """Names of functions, not of methods."""


def read_tests(path: Path) -> Iterator[Told]:
    """Give the functions of a file and its classes."""
    tree = ast.parse(path.read_text())
    classes = [node.body for node in tree.body if isinstance(node, ast.ClassDef)]
    for node in chain(tree.body, *classes):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield read_test(node, place=str(path.relative_to(TESTS)))


def read_test(function: ast.FunctionDef | ast.AsyncFunctionDef, *, place: str = "") -> Told:
    """Return what a function says."""
    asserts, calls = False, set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            asserts = True
        elif isinstance(node, ast.keyword) and node.arg == "check":
            asserts |= isinstance(node.value, ast.Constant) and node.value.value is True
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            asserts |= node.func.attr in ASSERTING or node.func.attr.startswith("assert")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            calls.add(node.func.id)
    return Told(
        name=function.name, place=f"{place}:{function.lineno}", asserts=asserts, calls=frozenset(calls)
    )


def find_helpers(functions: Iterable[Told]) -> set[str]:
    """Return the names of the functions that assert, themselves or through each other."""
    left = {each for each in functions if not each.name.startswith("test_")}
    found: set[str] = set()
    while more := {each for each in left if each.asserts or each.calls & found}:
        found |= {each.name for each in more}
        left -= more
    return found


def test_each_test_asserts() -> None:
    functions = [each for path in sorted(TESTS.rglob("*.py")) for each in read_tests(path)]
    helpers = find_helpers(functions)
    silent = [
        f"{each.place} {each.name}"
        for each in functions
        if each.name.startswith("test_") and not each.asserts and not each.calls & helpers
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("def test_a():\n    assert 1", True),
        ("def test_a():\n    with pytest.raises(ValueError):\n        call()", True),
        ("def test_a():\n    np.testing.assert_allclose(a, b)", True),
        ("def test_a():\n    subprocess.run(['true'], check=True)", True),
        ("def test_a():\n    check(1)", False),
    ],
)
def test_what_counts_as_an_assertion(text: str, does: bool) -> None:
    [function] = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    assert read_test(function).asserts is does
