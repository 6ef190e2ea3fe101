"""Hold what training/ uses of torch against the torch of AWS's training image, older than the lock's.

    python -m scripts.torch_api    write the table anew, from an environment with that torch

`tests/unit/training/torch_api.json` holds the names in torch's modules there, and the arguments of each that
tells them. A test compares the code with it in a second; `make test-all` runs jobs on that torch itself.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.image_environment import TORCH, make_environment

ROOT = Path(__file__).resolve().parents[1]
TRAINING = ROOT / "training"
TABLE = ROOT / "tests" / "unit" / "training" / "torch_api.json"
PACKAGES = ("torch", "torchvision")
Uses = dict[str, set[str]]
"""Dotted name -> the keywords that some call passes to it."""

INSPECT = """
import importlib, inspect, json, sys, warnings

def arguments(value):
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return None
    return None if any(p.kind is p.VAR_KEYWORD for p in parameters) else " ".join(p.name for p in parameters)

warnings.simplefilter("ignore")
table = {}
uses = json.load(sys.stdin)
for name in uses:
    try:
        module = importlib.import_module(name)
    except ImportError:
        continue
    used = {use.removeprefix(name + ".").partition(".")[0] for use in uses if use.startswith(name + ".")}
    words = sorted({*dir(module), *(word for word in used if hasattr(module, word))})
    table[name] = {word: arguments(getattr(module, word)) for word in words}
json.dump(table, sys.stdout)
"""
"""What runs on that torch: names from stdin -> what is in each module among them, with its arguments."""
MODULES = (
    "torch",
    "torch.amp",
    "torch.cuda",
    "torch.distributed",
    "torch.export",
    "torch.nn",
    "torch.nn.functional",
    "torch.nn.init",
    "torch.onnx",
    "torch.optim",
    "torch.utils.data",
    "torchvision.models",
    "torchvision.transforms.v2.functional",
)
"""Recorded beside the modules that are used now, so that the next use finds them."""


def read_uses(folder: Path) -> Uses:
    """Return what the Python files of a folder use of torch and torchvision."""
    uses: Uses = {}
    for path in sorted(folder.rglob("*.py")):
        for name, keywords in _uses_of(ast.parse(path.read_text())):
            uses.setdefault(name, set()).update(keywords)
    return uses


def _uses_of(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """Yield each imported name and each dotted use of it, with the keywords of calls."""
    known = dict(_imports(tree))
    yield from ((name, set()) for name in known.values())
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else node
        name = _dotted(called, known)
        if name:
            keywords = node.keywords if isinstance(node, ast.Call) else []
            yield name, {word.arg for word in keywords if word.arg}


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield local name and dotted name of what the module imports from torch, at any depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] in PACKAGES:
                    full = alias.name if alias.asname else alias.name.partition(".")[0]
                    yield alias.asname or full, full
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in PACKAGES:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _dotted(node: ast.AST, known: dict[str, str]) -> str | None:
    """Return the dotted name that an expression stands for, or None."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value, known)
        return f"{before}.{node.attr}" if before else None
    return None


def find_gaps(uses: Uses, table: dict[str, Any]) -> list[str]:
    """Return what is used and not in the table: modules, names, and arguments of names."""
    gaps, version = [], table["torch"]
    for use, keywords in sorted(uses.items()):
        module, name = _place(use, table["modules"])
        if not name:
            continue  # a module
        names = table["modules"].get(module, {})
        if name not in names:
            gaps.append(f"{use}: torch {version} has no {name} in {module}, or the table lacks that module")
        elif use == f"{module}.{name}" and names[name] is not None:
            missing = sorted(keywords - set(names[name].split()))
            gaps += [f"{use} has no argument {word!r} in torch {version}" for word in missing]
    return gaps


def _place(use: str, modules: Mapping[str, Any]) -> tuple[str, str]:
    """Return the longest module of the table that a dotted name begins with, and the name in it."""
    parts = use.split(".")
    ends = range(len(parts), 0, -1)
    end = next((end for end in ends if ".".join(parts[:end]) in modules), len(parts) - 1)
    return ".".join(parts[:end]), parts[end] if end < len(parts) else ""


def main() -> None:
    """Write the table anew."""
    python, uses = make_environment(ROOT / "var" / f"torch-{TORCH}"), read_uses(TRAINING)
    prefixes = {use.rsplit(".", count)[0] for use in uses for count in range(use.count(".") + 1)}
    found = subprocess.run(
        [str(python), "-c", INSPECT],
        input=json.dumps(sorted(prefixes | set(MODULES))),
        capture_output=True,
        text=True,
        check=True,
    )
    table = {"torch": TORCH, "modules": json.loads(found.stdout)}
    TABLE.write_text(json.dumps(table, indent=1) + "\n")
    gaps = find_gaps(uses, table)
    print("\n".join([f"{TABLE.relative_to(ROOT)}: {len(table['modules'])} modules", *gaps]))
    sys.exit(bool(gaps))


if __name__ == "__main__":
    main()
