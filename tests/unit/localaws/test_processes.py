"""Children are started, heard, stopped and reaped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from localaws.errors import ChildStartError
from localaws.processes import Child, Supervisor

WAIT_S = 20.0


@pytest.fixture
def supervisor() -> Generator[Supervisor, None, None]:
    supervisor = Supervisor()
    yield supervisor
    supervisor.close()


def start(supervisor: Supervisor, code: str, tmp_path: Path, lines: list[str] | None = None) -> Child:
    return supervisor.start(
        name="child",
        argv=[sys.executable, "-u", "-c", code],
        env=dict(os.environ),
        cwd=tmp_path,
        on_line=lines.append if lines is not None else None,
    )


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_dead(pid: int) -> bool:
    deadline = time.monotonic() + WAIT_S
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


def test_output_arrives_by_line_with_stderr_joined(supervisor: Supervisor, tmp_path: Path) -> None:
    lines: list[str] = []
    child = start(supervisor, "import sys; print('out'); print('err', file=sys.stderr)", tmp_path, lines)
    assert child.wait(timeout_s=WAIT_S) == 0
    supervisor.reap(child)
    assert sorted(lines) == ["err", "out"]
    assert list(child.tail) == lines


def test_stop_kills_a_child_that_ignores_sigterm(supervisor: Supervisor, tmp_path: Path) -> None:
    code = "import signal,time; signal.signal(15, signal.SIG_IGN); print('ready'); time.sleep(60)"
    lines: list[str] = []
    child = start(supervisor, code, tmp_path, lines)
    deadline = time.monotonic() + WAIT_S
    while not lines and time.monotonic() < deadline:
        time.sleep(0.01)
    assert supervisor.stop(child, grace_s=0.2) == -signal.SIGKILL
    assert supervisor.running() == []


def test_reap_takes_the_grandchildren_too(supervisor: Supervisor, tmp_path: Path) -> None:
    code = "import subprocess; p = subprocess.Popen(['sleep', '60']); print(p.pid)"
    lines: list[str] = []
    child = start(supervisor, code, tmp_path, lines)
    child.wait(timeout_s=WAIT_S)
    supervisor.reap(child)
    assert wait_until_dead(int(lines[0]))


def test_a_program_that_is_missing_is_named(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(ChildStartError, match="job could not be started: /no/such/program"):
        supervisor.start(name="job", argv=["/no/such/program"], env={}, cwd=tmp_path)


def test_nothing_starts_while_stopping(tmp_path: Path) -> None:
    supervisor = Supervisor()
    supervisor.close()
    with pytest.raises(ChildStartError, match="localaws is stopping"):
        start(supervisor, "pass", tmp_path)


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL leaves the parent no time to clean up: the reaper process does it."""
    code = (
        "import os,sys,time; from pathlib import Path; from localaws.processes import Supervisor\n"
        "env = {'PATH': os.environ['PATH']}\n"
        "child = Supervisor().start(name='c', argv=['sleep', '60'], env=env, cwd=Path('/'))\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    root = Path(__file__).parents[3]
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.wait(timeout=WAIT_S)
    parent.stdout.close()
    assert wait_until_dead(pid)


def test_a_line_that_cannot_be_handled_leaves_the_child_alone(supervisor: Supervisor, tmp_path: Path) -> None:
    lines = list[str]()

    def on_line(line: str) -> None:
        lines.append(line)
        if line == "0":
            raise KeyError(line)

    child = supervisor.start(
        name="child",
        argv=[sys.executable, "-u", "-c", "for n in range(3): print(n)"],
        env=dict(os.environ),
        cwd=tmp_path,
        on_line=on_line,
    )
    assert child.wait(timeout_s=WAIT_S) == 0
    child.join_output()
    assert lines == ["0", "1", "2"]
