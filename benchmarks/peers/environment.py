"""The environment of the peers: packages of their own before ours, which have torch, decoder and engine."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements"
"""A list for each peer, whole: what it needs beyond our own lock stands there too."""
INSTALL_S = 600
NEED_JAVA = ("torchserve", "multi-model-server")


def make_environment(folder: Path) -> Path:
    """Make an environment that sees ours behind its own packages; return its bin/."""
    venv.create(folder, with_pip=True)
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def install_peer(programs: Path, name: str) -> str | None:
    """Install one peer's list; return why that cannot be, None where it is done."""
    if name in NEED_JAVA and shutil.which("java") is None:
        return "there is no java: apt-get install default-jre-headless"
    command = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
    result = subprocess.run(
        [*command, "--requirement", str(REQUIREMENTS / f"{name}.txt")],
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=False,
    )
    return None if result.returncode == 0 else last_line(result.stderr)


def last_line(text: str) -> str:
    """Return the last line that says something: of pip's words, the reason."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "pip gave no reason"
