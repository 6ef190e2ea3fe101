"""The production environment and a running deployment, for the tests that need them."""

from collections.abc import Generator
from pathlib import Path

import pytest

from scripts.production import Production, keep_task_logs, production
from scripts.production_environment import make_environment
from scripts.production_stores import install_missing

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "var" / "test-prod"
"""Logs stay in it until the next run."""


@pytest.fixture(scope="session")
def production_python() -> Path:
    """The Python of an environment that holds requirements-production.txt and nothing else."""
    return make_environment(root=ROOT, folder=ROOT / "var" / "production-venv")


@pytest.fixture
def deployment(production_python: Path, request: pytest.FixtureRequest) -> Generator[Production, None, None]:
    """The stores, localaws and a migrated database; services are the test's to start.

    A test may parametrize it with variables that an installation sets over compose's.
    """
    install_missing()
    changes = getattr(request, "param", None)
    with production(folder=FOLDER, python=production_python, changes=changes) as running:
        yield running
        keep_task_logs(running)
    assert processes_in(FOLDER) == []


def processes_in(folder: Path) -> list[str]:
    """Return the titles of processes whose working directory is in `folder`, as that of all we start is."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink().is_relative_to(folder):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it has ended, or is another user's
            continue
    return found
