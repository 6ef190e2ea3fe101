"""The production image without Docker: an environment of exactly its lock, and a folder as it copies one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

LOCK = "requirements-production.txt"
IMAGE_HOME = "/opt/airflow/"
"""AIRFLOW_HOME of the base image, below which the Dockerfile copies."""
INSTALL_S = 900.0


class EnvironmentMakeError(RuntimeError):
    """The environment could not be made; the message holds the installer's last lines."""


def make_environment(*, root: Path, folder: Path) -> Path:
    """Make `folder` an environment that holds the production lock and nothing else; return its Python."""
    python = folder / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    if not python.exists():
        _run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
    options = ["--quiet", "--python", str(python), "--require-hashes", "--compile-bytecode"]
    _run([*uv, "pip", "sync", *options, str(root / LOCK)])
    return python


def copy_as_image(*, root: Path, home: Path) -> None:
    """Copy to `home` what the Dockerfile copies to the image's AIRFLOW_HOME."""
    for source, target in copied_folders(root / "Dockerfile"):
        (home / target).parent.mkdir(parents=True, exist_ok=True)
        if (root / source).is_dir():
            shutil.copytree(root / source, home / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root / source, home / target)


def copied_folders(dockerfile: Path) -> list[tuple[str, str]]:
    """Return (source, target below AIRFLOW_HOME) of the Dockerfile's COPY lines that go there."""
    lines = [line.split() for line in dockerfile.read_text().splitlines() if line.startswith("COPY ")]
    plain = [[word for word in words[1:] if not word.startswith("--")] for words in lines]
    return [
        (source, target.removeprefix(IMAGE_HOME)) for source, target in plain if target.startswith(IMAGE_HOME)
    ]


def _run(argv: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        argv, env=environment, capture_output=True, text=True, timeout=INSTALL_S, check=False
    )
    if done.returncode != 0:
        raise EnvironmentMakeError(
            f"{' '.join(argv[2:5])} ended with {done.returncode}: {done.stderr[-2000:]}"
        )
