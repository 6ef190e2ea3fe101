"""The tree stays such that a reader can take in each piece: sizes, types, and tests beside the code."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("dags", "plugins", "training", "lambda", "localaws", "scripts", "benchmarks")
MAX_MODULE_LINES, MAX_FUNCTION_LINES = 400, 60
TESTS_OF = {
    "plugins": ("unit/musher", "functional/musher", "dags"),
    "training": ("unit/training", "functional/training"),
    "lambda": ("unit/lambda",),
    "localaws": ("unit/localaws", "functional/localaws"),
}
"""Where the tests of a part lie; the whole-DAG runs count for none."""


def python_files(folder: str) -> list[Path]:
    """Return the Python files below a folder of the repository."""
    return sorted((ROOT / folder).rglob("*.py"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Give every function and method of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function, its docstring included."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def code_lines(paths: list[Path]) -> int:
    """Return how many lines files have together."""
    return sum(len(path.read_text().splitlines()) for path in paths)


@pytest.mark.parametrize("folder", FOLDERS)
def test_modules_and_functions_are_short(folder: str) -> None:
    for path in python_files(folder):
        assert len(path.read_text().splitlines()) <= MAX_MODULE_LINES, path
        for function in functions(path):
            assert lines_of(function) <= MAX_FUNCTION_LINES, f"{path}:{function.lineno} {function.name}"


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if folder != "dags"])
def test_most_functions_are_taken_in_at_a_glance(folder: str) -> None:
    lengths = sorted(lines_of(function) for path in python_files(folder) for function in functions(path))
    assert statistics.median(lengths) <= 10
    assert lengths[int(0.9 * len(lengths))] <= 30


def test_stages_say_what_they_take_and_return() -> None:
    """Any in a signature would leave a reader to search for what travels between the stages."""
    for path in python_files("plugins/musher/stages"):
        for function in functions(path):
            if function.name.startswith("_"):
                continue
            arguments = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
            for argument in (argument for argument in arguments if argument.arg not in ("self", "cls")):
                assert not is_any(argument.annotation), f"{path}:{argument.lineno} {argument.arg}"
            assert not is_any(function.returns), f"{path}:{function.lineno} {function.name}"


def is_any(annotation: ast.expr | None) -> bool:
    """Return whether an annotation says nothing: it is Any, or missing."""
    return annotation is None or (isinstance(annotation, ast.Name) and annotation.id == "Any")


@pytest.mark.parametrize("folder", sorted(TESTS_OF))
def test_tests_are_as_long_as_the_code_that_they_test(folder: str) -> None:
    tests = [path for place in TESTS_OF[folder] for path in python_files(f"tests/{place}")]
    code = code_lines(python_files(folder))
    assert code_lines(tests) >= code, f"{code_lines(tests)} lines of tests for {code} of code"
