"""The packages that jobs and the image install: every version fixed, nothing left to the day's index."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
TRAINING = ROOT / "training"
LISTS = ["requirements.txt", "requirements-embed.txt", "requirements-image.txt"]
BROUGHT = {"torch", "torchvision", "numpy"}
"""What AWS's training image has."""
EXPORT = {"onnxruntime", "onnx"}
"""torch imports the second by itself, so no import of ours names it."""
ONLY_IN_SERVE = {"uvicorn"}
ONLY_IN_IMAGE = {"boto3", "botocore"}
AWS_PYTHONS = ("3.11", "3.13")


def pins(name: str) -> dict[str, str]:
    """Return package -> version of a list and those that it names by -r."""
    found: dict[str, str] = {}
    for line in (TRAINING / name).read_text().splitlines():
        if line.startswith("-r "):
            found |= pins(line.removeprefix("-r "))
        elif line and not line.startswith("#"):
            package, _, version = line.partition("==")
            found[canonicalize_name(package)] = version
    return found


@pytest.mark.parametrize("name", LISTS)
def test_every_package_has_one_version(name: str) -> None:
    for line in (TRAINING / name).read_text().splitlines():
        assert re.fullmatch(r"(#.*|-r [a-z-]+\.txt|[a-z0-9-]+==[0-9][0-9a-z.]*)?", line), line


@pytest.mark.parametrize("name", LISTS)
def test_the_versions_are_those_that_the_tests_run_on(name: str) -> None:
    lock = dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert {package: lock[package] for package in pins(name)} == pins(name)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("python", AWS_PYTHONS)
def test_what_the_packages_need_is_listed_too(name: str, python: str) -> None:
    """Else pip takes the newest version of the day for it."""
    given = set(pins(name)) | BROUGHT
    environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    for package in pins(name):
        for text in requires(package) or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate(environment):
                assert canonicalize_name(requirement.name) in given, (package, text)


def imported() -> set[str]:
    """Return the distributions that training/ imports."""
    modules: set[str] = set()
    for path in TRAINING.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.split(".")[0])
    distributions = packages_distributions()
    outside = modules - set(sys.stdlib_module_names)
    return {canonicalize_name(name) for module in outside for name in distributions.get(module, [])}


def test_a_job_installs_what_it_imports_and_no_server() -> None:
    needed = imported() - BROUGHT
    train, embed = set(pins("requirements.txt")), set(pins("requirements-embed.txt"))
    assert needed - ONLY_IN_SERVE - ONLY_IN_IMAGE <= train
    assert not train & (ONLY_IN_SERVE | ONLY_IN_IMAGE)
    assert train & embed >= EXPORT
    assert not embed & (ONLY_IN_SERVE | ONLY_IN_IMAGE)


def test_the_image_holds_what_any_program_imports() -> None:
    assert imported() - BROUGHT <= set(pins("requirements-image.txt"))


def test_the_image_has_the_torch_that_the_tests_run_on() -> None:
    arguments = dict(
        re.findall(r"^ARG (\w+)_VERSION=(\S+)", (TRAINING / "Dockerfile").read_text(), re.MULTILINE)
    )
    lock = dict(
        re.findall(r"^(torch|torchvision)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    )
    assert {name.lower(): version for name, version in arguments.items()} == lock
