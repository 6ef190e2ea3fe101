"""Children are started, heard, stopped and reaped."""

import os
import signal
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from localaws.errors import ChildStartError
from localaws.namespaces import OPT_ML, Mount, View, host_view
from localaws.processes import LINE_CHARACTERS, Child, Supervisor

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


def test_a_program_that_is_missing_is_named(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(ChildStartError, match="job could not be started: /no/such/program"):
        supervisor.start(name="job", argv=["/no/such/program"], env={}, cwd=tmp_path)


@pytest.mark.parametrize(
    ("argv", "variables", "reason"),
    [
        (["/bin/true", "a\0b"], {}, "embedded null byte"),
        (["/bin/true"], {"NAME": "a\0b"}, "embedded null byte"),
        (["/bin/true"], {"A=B": "x"}, "illegal environment variable name"),
    ],
    ids=["word", "variable", "name"],
)
def test_what_no_program_can_be_given_is_told(
    supervisor: Supervisor, tmp_path: Path, argv: list[str], variables: dict[str, str], reason: str
) -> None:
    with pytest.raises(ChildStartError, match=f"job could not be started: {reason}: Invalid argument"):
        supervisor.start(name="job", argv=argv, env=variables, cwd=tmp_path)


def test_a_line_without_end_comes_in_pieces(supervisor: Supervisor, tmp_path: Path) -> None:
    lines: list[str] = []
    child = start(supervisor, f"print('a' * {2 * LINE_CHARACTERS + 3})", tmp_path, lines)
    assert child.wait(timeout_s=WAIT_S) == 0
    supervisor.reap(child)
    assert [len(line) for line in lines] == [LINE_CHARACTERS, LINE_CHARACTERS, 3]


def test_nothing_starts_while_stopping(tmp_path: Path) -> None:
    supervisor = Supervisor()
    supervisor.close()
    with pytest.raises(ChildStartError, match="localaws is stopping"):
        start(supervisor, "pass", tmp_path)


@pytest.mark.parametrize(("ending", "code"), [("exit 137", 137), ("kill -9 $$", -9), ("kill -TERM $$", -15)])
def test_an_exit_code_is_told_from_a_signal(
    supervisor: Supervisor, tmp_path: Path, ending: str, code: int
) -> None:
    child = supervisor.start(name="sh", argv=["/bin/sh", "-c", ending], env={}, cwd=tmp_path)
    assert child.wait(timeout_s=WAIT_S) == code


def test_sigterm_has_its_usual_effect_and_reaches_the_whole_group(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    """The first process of a PID namespace would ignore signals that it has no handler for."""
    lines: list[str] = []
    code = (
        "import subprocess, sys; print('began')\n"
        "sys.exit(subprocess.run(['sleep', '60'], preexec_fn=lambda: print('ready')).returncode + 16)"
    )
    plain = start(supervisor, "import time; print('ready'); time.sleep(60)", tmp_path, lines)
    heard = start(supervisor, f"import signal; signal.signal(15, lambda *_: None); {code}", tmp_path, lines)
    while lines.count("ready") < 2:
        time.sleep(0.01)
    assert supervisor.stop(plain, grace_s=WAIT_S) == -signal.SIGTERM
    assert supervisor.stop(heard, grace_s=WAIT_S) == 16 - signal.SIGTERM


def test_the_pid_is_that_of_the_program(supervisor: Supervisor, tmp_path: Path) -> None:
    child = supervisor.start(name="sleep", argv=["sleep", "60"], env=dict(os.environ), cwd=tmp_path)
    assert Path(f"/proc/{child.pid}/comm").read_text() == "sleep\n"


def test_a_program_gets_its_signals_and_files_as_from_a_shell(supervisor: Supervisor, tmp_path: Path) -> None:
    code = (
        "import os; print(sorted(os.listdir('/proc/self/fd'))[:3], os.read(0, 1))\n"
        "lines = [line.split() for line in open('/proc/self/status')]\n"
        "print([int(words[1], 16) & ~(3 << 31) for words in lines if words[0] in ('SigBlk:', 'SigIgn:')])"
    )  # without signals 32 and 33, which are the C library's own and inherited from whoever runs the tests
    lines: list[str] = []
    child = start(supervisor, code, tmp_path, lines)
    assert child.wait(timeout_s=WAIT_S) == 0
    child.join_output()
    ignored_by_python = 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1
    assert lines[0] == "['0', '1', '2'] b''"
    assert lines[1] == str([0, ignored_by_python])


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


def test_a_view_is_seen_by_the_child_alone(supervisor: Supervisor, tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    view = host_view(tmp_path / "base", scratch=tmp_path / "scratch", names=["algo-7"])
    script = "grep -c algo-7 /etc/hosts && id -u && pwd && echo here > file && ls /proc/self/ns/pid"
    if supervisor.refusal:
        return
    child = supervisor.start(
        name="host", argv=["/bin/sh", "-c", script], env=dict(os.environ), cwd=OPT_ML, view=view
    )
    assert child.wait(timeout_s=WAIT_S) == 0
    child.join_output()
    assert list(child.tail) == ["1", "0", "/opt/ml", "/proc/self/ns/pid"]
    assert (tmp_path / "base" / "file").read_text() == "here\n"
    assert "algo-7" not in Path("/etc/hosts").read_text()


def test_a_container_has_no_right_to_what_all_share(supervisor: Supervisor, tmp_path: Path) -> None:
    """As root: the clock (set to what it is), mounts, devices, the kernel's settings."""
    if supervisor.refusal:
        return
    script = (
        "import os, sys, time\n"
        "def attempt(name, action):\n"
        "    try:\n        action()\n"
        "    except OSError as error:\n        print(name, error.strerror)\n"
        "now = time.clock_gettime(time.CLOCK_REALTIME)\n"
        "attempt('clock', lambda: time.clock_settime(time.CLOCK_REALTIME, now))\n"
        f"attempt('device', lambda: os.mknod({str(tmp_path / 'null')!r}, 0o20666, os.makedev(1, 3)))\n"
        "attempt('kernel', lambda: open('/proc/sys/kernel/domainname', 'r+'))\n"
        "print(os.system('umount /proc 2>/dev/null') != 0)\n"
    )
    child = supervisor.start(
        name="host", argv=[sys.executable, "-c", script], env=dict(os.environ), cwd=tmp_path, view=View()
    )
    assert child.wait(timeout_s=WAIT_S) == 0
    child.join_output()
    refused = "Operation not permitted"
    assert list(child.tail) == [
        f"clock {refused}",
        f"device {refused}",
        "kernel Read-only file system",
        "True",
    ]


def test_a_view_that_cannot_be_made_says_what_is_wrong(supervisor: Supervisor, tmp_path: Path) -> None:
    missing = Mount(source=tmp_path / "missing", target=tmp_path)
    if supervisor.refusal:
        return
    with pytest.raises(ChildStartError, match=f"^job could not be started: mount {tmp_path}: No such file"):
        supervisor.start(name="job", argv=["true"], env={}, cwd=tmp_path, view=View(mounts=[missing]))
