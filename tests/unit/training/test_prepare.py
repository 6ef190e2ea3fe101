"""A notebook instance gets its code once for each version, and its kernel once for each list of packages."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[3] / "training" / "notebook" / "prepare.py"
VERSION = "0123abcd" * 8


class Machine:
    """An instance's folders, and the commands that are run on it."""

    def __init__(self, program: ModuleType, home: Path) -> None:
        self.program, self.home = program, home
        self.commands: list[tuple[str, ...]] = []
        self.fails_at: str | None = None

    def run(self, *command: str) -> None:
        """Note a command; make the folder of a venv; fail where told."""
        self.commands.append(command)
        if self.fails_at in command:
            raise subprocess.CalledProcessError(1, command)
        if "venv" in command or "create" in command:
            folder = command[-1] if "venv" in command else command[command.index("--prefix") + 1]
            Path(folder).mkdir(parents=True)

    def prepare(self, archive: Path) -> int:
        """Run the program as on_start.sh does."""
        sys.argv[0] = str(archive)
        code: int = self.program.main(["--version", VERSION])
        return code

    def kernel(self) -> dict[str, Any]:
        """Return the kernel that Jupyter offers."""
        path = self.home / ".local" / "share" / "jupyter" / "kernels" / "musher" / "kernel.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return found


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A new instance, with its Python."""
    spec = importlib.util.spec_from_file_location("prepare", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    made = Machine(program, tmp_path / "home")
    kept = made.home / "SageMaker"
    kept.mkdir(parents=True)
    values = {"HOME": made.home, "KEPT": kept, "KERNEL": kept / ".musher-kernel"}
    for name, value in {**values, "CONDA": made.home / "anaconda3", "run": made.run}.items():
        monkeypatch.setattr(program, name, value)
    monkeypatch.setattr(program.shutil, "which", lambda name: None)
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setenv("MUSHER_BUCKET", "b")
    return made


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The archive of the code."""
    path = tmp_path / "code.zip"
    with zipfile.ZipFile(path, "w") as files:
        files.writestr("train.py", "pass\n")
        files.writestr("requirements-notebook.txt", "ipykernel\n")
    return path


def test_code_and_kernel_are_brought(machine: Machine, archive: Path) -> None:
    assert machine.prepare(archive) == 0
    folder = machine.home / "SageMaker" / "musher-0123abcd"
    assert (folder / "train.py").exists()
    venv, pip = machine.commands
    assert venv[1:3] == ("-m", "venv")
    assert pip[-2:] == ("--requirement", str(folder / "requirements-notebook.txt"))
    assert "https://download.pytorch.org/whl/cpu" in pip
    assert machine.kernel()["argv"][0] == f"{venv[3]}/bin/python"
    assert machine.kernel()["env"]["MUSHER_BUCKET"] == "b"


def test_on_a_gpu_the_index_s_own_torch_is_taken(
    machine: Machine, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"nvidia-smi": "/usr/bin/nvidia-smi"}
    monkeypatch.setattr(machine.program.shutil, "which", found.get)
    machine.prepare(archive)
    assert "--extra-index-url" not in machine.commands[-1]


def test_a_second_start_brings_neither_again_and_keeps_what_was_changed(
    machine: Machine, archive: Path
) -> None:
    machine.prepare(archive)
    changed = machine.home / "SageMaker" / "musher-0123abcd" / "train.py"
    changed.write_text("mine\n")
    machine.commands.clear()
    assert machine.prepare(archive) == 0
    assert machine.commands == []
    assert changed.read_text() == "mine\n"


def test_a_kernel_that_was_broken_off_is_made_anew(
    machine: Machine, archive: Path, caplog: pytest.LogCaptureFixture
) -> None:
    machine.fails_at = "pip"
    assert machine.prepare(archive) == 1
    assert "Stop and start the instance to try again" in caplog.text
    machine.fails_at = None
    machine.commands.clear()
    assert machine.prepare(archive) == 0
    assert len(machine.commands) == 2


def test_where_no_python_is_new_enough_conda_brings_one(
    machine: Machine, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.program, "is_new_enough", lambda python: False)
    machine.prepare(archive)
    conda = machine.commands[0]
    assert conda[:2] == (f"{machine.home}/anaconda3/bin/conda", "create")
    assert conda[-1] == "python=3.11"


def test_a_broken_archive_leaves_nothing_half(machine: Machine, tmp_path: Path) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"no zip")
    assert machine.prepare(broken) == 1
    assert list((machine.home / "SageMaker").glob("musher-*")) == []
