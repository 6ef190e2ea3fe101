"""Clients that are not in the lock: each in an environment of its own below var/, from a lock of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sdk_programs import sdk_variables

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
INSTALL_S = 600
UNREACHABLE = ("error sending request", "dns error", "Could not connect", "operation timed out")
"""What uv says where no package registry answers."""


def uv(*arguments: str) -> None:
    """Run uv, or skip the test where no package registry can be reached."""
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        [sys.executable, "-m", "uv", "--quiet", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=False,
    )
    if any(words in done.stderr for words in UNREACHABLE):
        pytest.skip(f"the package registry cannot be reached: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def install() -> Callable[[str], Path]:
    """Return a function that makes the environment of `<name>.txt` and returns its folder."""

    def make(name: str) -> Path:
        folder = ROOT / "var" / "test-clients" / name
        python = str(folder / "bin" / "python")
        if not Path(python).exists():
            uv("venv", "--clear", "--python", sys.executable, str(folder))
        uv("pip", "sync", "--require-hashes", "--python", python, str(HERE / f"{name}.txt"))
        return folder

    return make


@pytest.fixture
def variables(localaws: Any, tmp_path: Path) -> dict[str, str]:
    """The environment of a client's process: an address, keys, and no usage data sent."""
    return sdk_variables(localaws.url, tmp_path)
