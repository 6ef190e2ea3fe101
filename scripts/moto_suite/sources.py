"""Fetch moto's own tests, at the version and with the hash that the lock names."""

import re
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
FETCH_S = 180
"""Real seconds for one call of pip."""
HELPERS = "freezegun==1.5.5 --hash=sha256:cd557f4a75cf074e84bc374249b9dd491eaeacd61376b9eb3c423282211619d2\n"
"""What moto's tests import and localaws does not."""
UNREACHABLE = ("No matching distribution", "Could not find a version", "Max retries exceeded")
"""What pip says where no registry answers."""


class UnreachableError(Exception):
    """No package registry answers."""


def locked(package: str) -> str:
    """Return a package's entry of requirements.txt: its version and its hashes."""
    text = (ROOT / "requirements.txt").read_text()
    found = re.search(rf"^{package}==.*\\\n(?: +--hash=\S+(?: \\)?\n)+", text, re.MULTILINE)
    assert found is not None, f"requirements.txt does not name {package} with hashes"
    return found.group()


def call_pip(folder: Path, *arguments: str, wanted: str) -> None:
    """Let pip fetch what `wanted` names, with its hashes; raises UnreachableError where nobody answers."""
    listed = folder / "wanted.txt"
    listed.write_text(wanted)
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments, "--no-deps", "--require-hashes", "-r", str(listed)],
        capture_output=True,
        text=True,
        timeout=FETCH_S,
        check=False,
    )
    if done.returncode == 0:
        return
    last = done.stderr.strip().splitlines()[-1]
    if any(sentence in done.stderr for sentence in UNREACHABLE):
        raise UnreachableError(f"no package registry answers: {last}")
    raise AssertionError(f"pip cannot fetch {wanted.split()[0]}: {done.stderr}")


def fetch_tests(folder: Path) -> None:
    """Put moto's tests into `folder`/tests, and what else they import into `folder`/helpers.

    moto's source archive holds them; nothing of it is built.
    """
    call_pip(
        folder,
        "download",
        "--no-build-isolation",
        "--no-binary=moto",
        f"--dest={folder}",
        wanted=locked("moto"),
    )
    call_pip(folder, "install", f"--target={folder / 'helpers'}", wanted=HELPERS)
    (archive,) = folder.glob("moto-*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (unpacked,) = (path for path in folder.glob("moto-*") if path.is_dir())
    (unpacked / "tests").rename(folder / "tests")
