"""Bring the project's code and a kernel that runs it to this notebook instance.

    python code.zip --version <hash of the code>

It is the program of the archive that the code comes in, and `on_start.sh` starts it in the background, as
user ec2-user: a lifecycle script has five minutes, and torch takes longer. The code goes to a folder of its
own for each version, so nothing that a person has changed is overwritten. The kernel lies on the volume that
is kept, and is made anew only where its list of packages is another one.

Standard library only, for every Python from 3.9 on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

logger = logging.getLogger("prepare")

HOME = Path("/home/ec2-user")
KEPT = HOME / "SageMaker"
"""What is kept when the instance stops."""

KERNEL = KEPT / ".musher-kernel"
REQUIREMENTS = "requirements-notebook.txt"
DONE = "complete"
"""A file in a kernel's folder that was installed to its end."""

CPU_PACKAGES = "https://download.pytorch.org/whl/cpu"
"""torch without the libraries of GPUs, which take more than the whole of a volume of 5 GB."""

CONDA = HOME / "anaconda3"
PYTHON = "3.11"
WANTED = (3, 11)


def unpack_code(archive: Path, *, version: str) -> Path:
    """Return the folder of this version of the code, unpacked unless it is there."""
    folder = KEPT / f"musher-{version[:8]}"
    if folder.is_dir():
        logger.info("%s is there already", folder)
        return folder
    unfinished = folder.with_name(f".{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    with zipfile.ZipFile(archive) as files:
        files.extractall(unfinished)
    unfinished.rename(folder)
    logger.info("%s: the code", folder)
    return folder


def make_kernel(requirements: Path) -> Path:
    """Return the Python of the kernel with these packages, installed unless it is there."""
    folder = KERNEL / hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    python = folder / "bin" / "python"
    if (folder / DONE).exists():
        logger.info("%s is there already", folder)
        return python
    shutil.rmtree(KERNEL, ignore_errors=True)  # older ones, and what was broken off: there is no room for two
    base = find_python()
    if base is None:
        run(str(CONDA / "bin" / "conda"), "create", "--yes", "--prefix", str(folder), f"python={PYTHON}")
    else:
        run(base, "-m", "venv", str(folder))
    index = [] if shutil.which("nvidia-smi") else ["--extra-index-url", CPU_PACKAGES]
    run(str(python), "-m", "pip", "install", "--no-cache-dir", *index, "--requirement", str(requirements))
    (folder / DONE).touch()
    return python


def find_python() -> str | None:
    """Return a Python that is new enough; None where conda must bring one."""
    environments = sorted((CONDA / "envs").glob("*/bin/python"))
    for candidate in (*map(str, environments), shutil.which(f"python{PYTHON}"), sys.executable):
        if candidate and is_new_enough(candidate):
            return candidate
    return None


def is_new_enough(python: str) -> bool:
    """Return whether a Python can run the code."""
    ask = f"import sys, venv, ensurepip; sys.exit(sys.version_info < {WANTED})"
    return subprocess.run([python, "-c", ask], capture_output=True, check=False).returncode == 0


def run(*command: str) -> None:
    """Run a command, its output in this program's log; CalledProcessError where it fails."""
    logger.info("$ %s", " ".join(command))
    subprocess.run(command, check=True)


def show_kernel(python: Path, *, variables: dict[str, str]) -> None:
    """Let Jupyter offer the kernel `musher`, which finds the project by these variables."""
    folder = HOME / ".local" / "share" / "jupyter" / "kernels" / "musher"
    folder.mkdir(parents=True, exist_ok=True)
    spec = {
        "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "musher",
        "language": "python",
        "env": variables,
    }
    (folder / "kernel.json").write_text(json.dumps(spec, indent=1))
    logger.info("%s: kernel musher", folder)


def main(arguments: list[str] | None = None) -> int:
    """Bring code and kernel; return the exit code."""
    parser = argparse.ArgumentParser(prog="prepare", description=__doc__.partition("\n")[0])
    parser.add_argument("--version", required=True, help="The hash of the code.")
    version = parser.parse_args(arguments).version
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        folder = unpack_code(Path(sys.argv[0]), version=version)
        python = make_kernel(folder / REQUIREMENTS)
    except Exception as error:  # noqa: BLE001  # the log is all that is seen of it
        logger.error("%s: %s. Stop and start the instance to try again.", type(error).__name__, error)
        return 1
    known = ("MUSHER_PROJECT", "MUSHER_BUCKET", "MUSHER_ENDPOINT", "AWS_DEFAULT_REGION")
    show_kernel(python, variables={name: os.environ[name] for name in known if name in os.environ})
    logger.info("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
