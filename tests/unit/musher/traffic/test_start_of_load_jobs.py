"""The start of the load generator in a container: what it installs, and what it says where it fails."""

import importlib.metadata
import os
import re
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from musher.errors import TrafficError
from musher.traffic import job, start

ROOT = Path(__file__).parents[4]


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[list[str]]]:
    """Return a function that puts a pip there which ends so, and returns the commands that it will get."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def put(*, status: int = 0, stderr: str = "", error: Exception | None = None) -> list[list[str]]:
        commands: list[list[str]] = []

        def run(command: list[str], **_: Any) -> Any:
            commands.append(command)
            if error:
                raise error
            return SimpleNamespace(returncode=status, stderr=stderr)

        monkeypatch.setattr(start.subprocess, "run", run)
        return commands

    return put


def test_the_packages_are_those_of_the_lock() -> None:
    locked = set(re.findall(r"^([a-z0-9._-]+==\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert set(start.PACKAGES) <= locked
    names = [package.partition("==")[0] for package in start.PACKAGES]
    assert set(start.CHOSEN) <= set(names)
    assert names == sorted(names)


def test_all_that_the_packages_need_is_among_them() -> None:
    """pip installs them without looking for more (--no-deps)."""
    from importlib.metadata import requires

    names = {package.partition("==")[0] for package in start.PACKAGES}
    for name in names:
        for need in requires(name) or ():
            if "extra ==" not in need and 'python_version < "3.11"' not in need:
                found = re.match(r"[A-Za-z0-9._-]+", need)
                assert found
                assert found.group().lower().replace("_", "-") in names, (name, need)


def test_an_image_that_has_the_packages_is_left_as_it_is(pip: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = pip()
    monkeypatch.setattr(job, "main", lambda: 0)
    assert start.main() == 0
    assert commands == []


@pytest.mark.parametrize("packages", [("aiohttp==0.0.1",), ("hdrhistogram==0.10.8", "no-such-package==1")])
def test_what_an_image_lacks_or_has_in_another_version_is_installed_apart(
    packages: tuple[str, ...], pip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = pip()
    monkeypatch.setattr(start, "PACKAGES", packages)
    monkeypatch.setattr(start, "CHOSEN", tuple(package.partition("==")[0] for package in packages))
    monkeypatch.setattr(job, "main", lambda: 0)
    assert start.main() == 0
    [command] = commands
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert command[-len(packages) :] == list(packages)
    folder = command[command.index("--target") + 1]
    assert sys.path[0] == folder


@pytest.mark.parametrize(
    "ending",
    [
        {"status": 1, "stderr": "No matching distribution"},
        {"status": -9, "stderr": "\n"},
        {"error": subprocess.TimeoutExpired("pip", start.PIP_S)},
    ],
)
def test_packages_that_cannot_be_had_are_the_reason_that_the_job_gives(
    ending: dict[str, Any], pip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip(**ending)
    message = tmp_path / "message"
    monkeypatch.setattr(start, "MESSAGE", message)
    with pytest.raises(SystemExit, match=r"cannot be installed: (No matching|pip ended with -9|pip took)"):
        start.install("/anywhere")
    assert "Let the job reach a package index" in message.read_text()
    assert "/anywhere" not in sys.path


def test_a_load_that_cannot_be_sent_is_the_reason_that_the_job_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> int:
        raise TrafficError("There is no such image.")

    monkeypatch.setattr(start, "MESSAGE", tmp_path / "message")
    monkeypatch.setattr(job, "main", refuse)
    with pytest.raises(SystemExit, match="There is no such image"):
        start.main()
    assert (tmp_path / "message").read_text() == "There is no such image."


def test_a_job_that_is_stopped_while_it_installs_sends_no_load(
    pip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container's first process ignores what it does not handle, as here."""
    pip()
    loads: list[int] = []
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: stop_itself())
    monkeypatch.setattr(job, "main", lambda: loads.append(1) or 0)
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with pytest.raises(SystemExit, match="was told to end"):
            runpy.run_path(start.__file__, run_name="__main__")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert loads == []


def stop_itself() -> Any:
    """Get the signal that StopProcessingJob sends."""
    os.kill(os.getpid(), signal.SIGTERM)
    return SimpleNamespace(returncode=0, stderr="")
