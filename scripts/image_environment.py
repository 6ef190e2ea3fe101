"""Make an environment with the torch of AWS's training image, to run training/ on it.

The image is pytorch-training:2.10.0-cpu-py313. A package registry has torch's CUDA build, which runs on CPUs
too: about 3 GB to download and 7 GB on the disk, in about a minute where the registry is near. Where the
machine has no Python 3.13, it takes the one that runs this.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TORCH, TORCHVISION = "2.10.0", "0.25.0"
"""The versions that belong together; training_image_uris.json names the first, and a test compares them."""
PYTHON = "3.13"
REQUIREMENTS = Path(__file__).resolve().parents[1] / "training" / "requirements.txt"


def make_environment(folder: Path) -> Path:
    """Make the environment in a folder, unless it is there; return its Python."""
    python, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.is_file():
        _uv("venv", "--clear", "--python", _find_python(), str(folder))
        wanted = [f"torch=={TORCH}", f"torchvision=={TORCHVISION}", "--requirement", str(REQUIREMENTS)]
        _uv("pip", "install", "--python", str(python), *wanted)
        ready.touch()
    return python


def _find_python() -> str:
    """Return the image's Python, from PATH or pyenv; else the one that runs this."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [f"python{PYTHON}", *map(str, sorted(pyenv.glob(f"versions/{PYTHON}.*/bin/python")))]
    return next((name for name in candidates if _version(name) == PYTHON), sys.executable)


def _version(python: str) -> str:
    """Return a Python's version, such as 3.13; nothing where it does not start, as pyenv's shims may not."""
    code = "import sys; print('%s.%s' % sys.version_info[:2])"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _uv(*words: str) -> None:
    """Run uv, and end with its own words where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "uv", *words, "--quiet"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"uv {' '.join(words)} failed: {done.stderr.strip()}")
