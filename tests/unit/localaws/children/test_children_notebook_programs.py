"""`sudo` and the restart of Jupyter inside a notebook instance."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from localaws.children import notebook_programs as programs


class BecameError(Exception):
    """The process has become another program."""


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the process becomes."""
    found: dict[str, Any] = {}

    def execute(name: str, words: list[str], environment: dict[str, str]) -> None:
        found.update(words=words, environment=environment)
        raise BecameError

    monkeypatch.setattr(os, "execvpe", execute)
    monkeypatch.setattr(os, "chdir", lambda folder: found.update(folder=folder))
    monkeypatch.setattr(programs, "SHELL", "/bin/bash")
    return found


@pytest.mark.parametrize(
    ("words", "command", "user"),
    [
        (["ls", "-l"], ["ls", "-l"], "root"),
        (["-u", "ec2-user", "-i"], ["/bin/bash", "-l"], "ec2-user"),
        (
            ["-u", "ec2-user", "-i", "ls", "a b"],
            ["/bin/bash", "-l", "-c", '"$0" "$@"', "ls", "a b"],
            "ec2-user",
        ),
        (["-E", "-n", "--", "ls"], ["ls"], "root"),
        (["-s"], ["/bin/bash"], "root"),
    ],
    ids=["command", "login", "login and command", "options", "shell"],
)
def test_sudo_becomes_the_command(
    became: dict[str, Any], words: list[str], command: list[str], user: str
) -> None:
    with pytest.raises(BecameError):
        programs.sudo(words)
    assert became["words"] == command
    assert became["environment"]["HOME"] == programs.HOMES[user]
    assert became["environment"]["USER"] == user
    assert became.get("folder") == (programs.HOMES[user] if "-i" in words else None)


def test_sudo_sets_variables_and_keeps_those_that_lead_to_aws(
    became: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {"AWS_ENDPOINT_URL": "http://aws"})
    with pytest.raises(BecameError):
        programs.sudo(["-u", "root", "A=1", "env"])
    assert became["environment"]["A"] == "1"
    assert became["environment"]["AWS_ENDPOINT_URL"] == "http://aws"


@pytest.mark.parametrize("words", [["-u", "nobody", "ls"], ["-u"], ["--prompt", "x"], ["-Z"]])
def test_sudo_refuses_what_it_cannot_do(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert programs.sudo(words) == 1
    assert capsys.readouterr().err.startswith("sudo: ")


def test_sudo_says_where_there_is_no_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert programs.sudo(["/none/such"]) == 1
    assert capsys.readouterr().err == "sudo: /none/such: No such file or directory\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("systemctl", ["restart", "jupyter-server"]),
        ("systemctl", ["restart", "jupyter-server.service"]),
        ("initctl", ["restart", "jupyter-server", "--no-wait"]),
        ("service", ["jupyter-server", "restart"]),
    ],
)
def test_the_server_is_ended_so_that_it_starts_again(
    name: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(programs, "SERVER_PID", tmp_path / "pid")
    monkeypatch.setattr(os, "killpg", lambda pid, number: killed.append((pid, number)))
    assert programs.manage(name, words) == 0
    assert killed == []
    (tmp_path / "pid").write_text("77")
    assert programs.manage(name, words) == 0
    assert killed == [(77, signal.SIGTERM)]


@pytest.mark.parametrize("words", [["restart", "nginx"], ["stop", "jupyter-server"], ["enable"], []])
def test_other_services_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert programs.manage("systemctl", words) == 1
    assert capsys.readouterr().err == programs.ONLY_SERVER


def test_a_reload_of_the_init_system_has_nothing_to_do() -> None:
    assert programs.manage("systemctl", ["daemon-reload"]) == 0
