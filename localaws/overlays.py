"""A Python environment of a job's own on top of ours: it sees our packages, and what pip installs is its own.

A virtual environment in a folder of the job. pip takes what ours has for installed, so that only what is
missing, or wanted in another version, is fetched; ours is outside of it and stays as it is.
https://docs.python.org/3/library/venv.html (pyvenv.cfg), https://docs.python.org/3/library/site.html (.pth)
"""

import json
import os
import site
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localaws.processes import PROGRAMS

PIP_VARIABLES = "LOCALAWS_PIP_ENVIRONMENT"
"""The variable that tells requirements.py with which variables of ours pip is to run (JSON)."""
NETWORK_VARIABLES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
)
"""What pip needs of our environment to reach an index, in either case, besides its own PIP_*."""
PIP_SCRIPT = '#!/bin/sh\nexec "$(dirname "$0")/python" -m pip "$@"\n'


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """An environment in a folder."""

    folder: Path

    @property
    def bin(self) -> Path:
        """The folder of its programs: python, python3, pip and what pip installs."""
        return self.folder / "bin"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.bin / "python"

    def make(self) -> None:
        """Make it; some milliseconds, as nothing is copied."""
        interpreter = Path(sys.executable).resolve()
        packages = self.folder / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
        for folder in (self.bin, packages):
            folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "pyvenv.cfg").write_text(
            f"home = {interpreter.parent}\ninclude-system-site-packages = false\n"
            f"version = {sys.version.split()[0]}\n"
        )
        for name in ("python", "python3", interpreter.name):
            if not (self.bin / name).is_symlink():
                (self.bin / name).symlink_to(interpreter)
        for name in ("pip", "pip3"):
            (self.bin / name).write_text(PIP_SCRIPT)
            (self.bin / name).chmod(0o755)
        below = [folder for folder in site.getsitepackages() if Path(folder).is_dir()]
        lines = [f"import site; site.addsitedir({folder!r})" for folder in below]
        (packages / "localaws.pth").write_text("\n".join(lines) + "\n")

    def install_first(self, command: Sequence[str], *, requirements: str, failure: Path | str) -> list[str]:
        """Return the command that installs a requirements file and then becomes `command`.

        Where pip fails, its words are in the file `failure`, and the exit code is 1.
        """
        program = str(PROGRAMS / "requirements.py")
        return [str(self.python), "-u", "-P", program, requirements, str(failure), *command]


def search_path(folders: Sequence[Path]) -> str:
    """Return PATH with these folders before our own."""
    return os.pathsep.join([*(str(folder) for folder in folders), os.environ.get("PATH", os.defpath)])


def pip_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the one variable that hands pip its settings out of `environment`; the job does not see them."""
    wanted = {
        name: value
        for name, value in environment.items()
        if name.startswith("PIP_") or name.upper() in NETWORK_VARIABLES
    }
    return {PIP_VARIABLES: json.dumps(wanted)}
