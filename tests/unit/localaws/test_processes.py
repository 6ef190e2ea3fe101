"""Children are started, heard, stopped and reaped."""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from localaws.errors import ChildStartError
from localaws.namespaces import OPT_ML, Mount, View, hide, host_view
from localaws.processes import LINE_CHARACTERS, TAIL_LINES, Child, Supervisor

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


def test_what_is_hidden_cannot_be_uncovered(supervisor: Supervisor, tmp_path: Path) -> None:
    data, stage = tmp_path / "data", tmp_path / "stage"
    for name in ("mine", "others"):
        (data / name).mkdir(parents=True)
        (data / name / "file").write_text(name)
    if supervisor.refusal:
        return
    script = (
        f"umount {data} 2>/dev/null; unshare --user --map-root-user --mount umount {data} 2>/dev/null; "
        f"ls {data}; cat {data}/mine/file {data}/others/file /proc/1/root{data}/others/file 2>/dev/null"
    )
    view = View(mounts=hide(data, kept=[data / "mine"], stage=stage), is_root=True)
    child = supervisor.start(
        name="host", argv=["/bin/sh", "-c", script], env=dict(os.environ), cwd=tmp_path, view=view
    )
    assert child.wait(timeout_s=WAIT_S) is not None
    child.join_output()
    assert list(child.tail) == ["mine", "mine"]


def test_a_view_that_cannot_be_made_says_what_is_wrong(supervisor: Supervisor, tmp_path: Path) -> None:
    missing = Mount(source=tmp_path / "missing", target=tmp_path)
    if supervisor.refusal:
        return
    with pytest.raises(ChildStartError, match=f"^job could not be started: mount {tmp_path}: No such file"):
        supervisor.start(name="job", argv=["true"], env={}, cwd=tmp_path, view=View(mounts=[missing]))


def count_descriptors() -> int:
    """Return how many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def until_said(lines: list[str], wanted: str) -> None:
    """Wait until a child has printed a line."""
    deadline = time.monotonic() + WAIT_S
    while wanted not in lines:
        assert time.monotonic() < deadline, lines
        time.sleep(0.01)


IGNORES = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)


def test_the_tail_keeps_the_last_lines_of_much_output(supervisor: Supervisor, tmp_path: Path) -> None:
    child = start(supervisor, "for n in range(5000): print(n)", tmp_path)
    assert child.wait(timeout_s=WAIT_S) == 0
    child.join_output()
    assert list(child.tail) == [str(number) for number in range(5000 - TAIL_LINES, 5000)]


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        (r"b'\xff\xfe\n'", ["\ufffd\ufffd"]),
        (r"b'a\r\nb\r\n'", ["a", "b"]),
        (r"b'no end'", ["no end"]),
        (r"b'\n\n'", ["", ""]),
        (r"'é'.encode()[:1]", ["\ufffd"]),
        (r"b''", []),
    ],
)
def test_whatever_bytes_a_child_writes_are_lines(
    supervisor: Supervisor, tmp_path: Path, written: str, lines: list[str]
) -> None:
    child = start(supervisor, f"import sys; sys.stdout.buffer.write({written})", tmp_path)
    assert child.wait(timeout_s=WAIT_S) == 0
    child.join_output()
    assert list(child.tail) == lines


def test_output_goes_to_the_caller_s_own_descriptor(supervisor: Supervisor, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    child = supervisor.start(name="own", argv=["/bin/echo", "hello"], env={}, cwd=tmp_path, output=writing)
    os.close(writing)
    with os.fdopen(reading) as output:
        assert output.read() == "hello\n"
    assert child.wait(timeout_s=WAIT_S) == 0
    assert supervisor.reap(child) == 0
    assert list(child.tail) == []


@pytest.mark.parametrize("cwd", ["missing", "file"])
def test_a_folder_that_is_none_is_named(supervisor: Supervisor, tmp_path: Path, cwd: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ChildStartError, match=f"job could not be started: {tmp_path / cwd}: "):
        supervisor.start(name="job", argv=["/bin/true"], env={}, cwd=tmp_path / cwd)
    assert supervisor.running() == []


def test_a_file_that_may_not_be_run_is_named(supervisor: Supervisor, tmp_path: Path) -> None:
    (tmp_path / "script").write_text("echo")
    with pytest.raises(ChildStartError, match=f"{tmp_path / 'script'}: Permission denied"):
        supervisor.start(name="job", argv=[str(tmp_path / "script")], env={}, cwd=tmp_path)


def test_a_child_has_the_variables_that_it_is_given_and_no_others(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ours")
    child = supervisor.start(name="env", argv=["/usr/bin/env"], env={"A": "1", "B": ""}, cwd=tmp_path)
    assert child.wait(timeout_s=WAIT_S) == 0
    child.join_output()
    assert sorted(child.tail) == ["A=1", "B="]


def test_a_failed_start_leaves_no_descriptor_open(supervisor: Supervisor, tmp_path: Path) -> None:
    before = count_descriptors()
    for _ in range(5):
        with pytest.raises(ChildStartError):
            supervisor.start(name="job", argv=["/no/such/program"], env={}, cwd=tmp_path)
    assert count_descriptors() <= before


def test_a_child_that_was_reaped_leaves_no_descriptor_open(supervisor: Supervisor, tmp_path: Path) -> None:
    before = count_descriptors()
    children = [start(supervisor, "print(1)", tmp_path) for _ in range(3)]
    for child in children:
        assert child.wait(timeout_s=WAIT_S) == 0
        supervisor.reap(child)
    assert count_descriptors() <= before


def test_kill_ends_what_the_child_has_started_in_a_session_of_its_own(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    lines: list[str] = []
    marker = f"localaws-{tmp_path.name}-{os.getpid()}"
    code = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {IGNORES!r}, {marker!r}], start_new_session=True)\n"
        "time.sleep(600)"
    )
    child = start(supervisor, code, tmp_path, lines)
    until_said(lines, "ready")
    assert processes_with(marker)
    child.kill()
    assert child.wait(timeout_s=WAIT_S) == -signal.SIGKILL
    assert processes_with(marker) == []


def test_what_a_child_has_left_is_gone_when_it_has_ended(supervisor: Supervisor, tmp_path: Path) -> None:
    """The exit code is told only then."""
    marker = f"localaws-{tmp_path.name}-{os.getpid()}"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {IGNORES!r}, {marker!r}])"
    child = start(supervisor, code, tmp_path)
    assert child.wait(timeout_s=WAIT_S) == 0
    assert processes_with(marker) == []


def processes_with(word: str) -> list[str]:
    """Return the processes of this machine that have a word in their command line."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if word.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                    found.append(folder.name)
    return found


def test_orders_to_a_child_that_has_ended_are_no_error(supervisor: Supervisor, tmp_path: Path) -> None:
    child = start(supervisor, "raise SystemExit(3)", tmp_path)
    assert child.wait(timeout_s=WAIT_S) == 3
    child.terminate()
    child.kill()
    assert supervisor.stop(child) == 3
    child.terminate()
    assert supervisor.reap(child) == 3
    assert child.wait(timeout_s=0) == 3


def test_a_child_can_be_waited_for_in_vain(supervisor: Supervisor, tmp_path: Path) -> None:
    child = start(supervisor, "import time; time.sleep(600)", tmp_path)
    assert child.wait(timeout_s=0) is None
    assert child.wait(timeout_s=0.05) is None
    assert supervisor.running() == [child]
    assert supervisor.reap(child) == -signal.SIGKILL


def test_the_end_of_a_child_wakes_who_watches_its_descriptor(supervisor: Supervisor, tmp_path: Path) -> None:
    child = start(supervisor, "pass", tmp_path)
    readable, _, _ = select.select([child], [], [], WAIT_S)
    assert readable == [child]
    assert child.poll() == 0


def test_closing_ends_children_that_ignore_sigterm_and_gives_all_of_them_one_grace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many do not listen, localaws ends soon."""
    supervisor, lines, given_s = Supervisor(), list[str](), list[float]()
    children = [start(supervisor, IGNORES, tmp_path, lines) for _ in range(3)]
    deadline = time.monotonic() + WAIT_S
    while lines.count("ready") < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    wait = Child.wait

    def note(child: Child, *, timeout_s: float) -> int | None:
        given_s.append(timeout_s)
        return wait(child, timeout_s=timeout_s)

    monkeypatch.setattr(Child, "wait", note)
    supervisor.close(grace_s=0.5)
    assert [child.poll() for child in children] == [-signal.SIGKILL] * 3
    assert supervisor.running() == []
    graces_s = [timeout_s for timeout_s in given_s if timeout_s <= 0.5]
    assert graces_s[1:] == [0, 0]


def test_closing_lets_children_end_by_themselves_that_can(tmp_path: Path) -> None:
    supervisor, lines = Supervisor(), list[str]()
    code = (
        "import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit(7))\n"
        "print('ready', flush=True); time.sleep(600)"
    )
    child = start(supervisor, code, tmp_path, lines)
    until_said(lines, "ready")
    supervisor.close(grace_s=WAIT_S)
    assert child.poll() == 7


def test_the_folder_for_what_is_temporary_goes_with_the_supervisor(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    (scratch / "deep").mkdir(parents=True)
    (scratch / "deep" / "file").touch()
    Supervisor(scratch=scratch).close()
    assert not scratch.exists()
    assert tmp_path.exists()


def test_children_are_started_from_many_threads_at_once(supervisor: Supervisor, tmp_path: Path) -> None:
    """Each hears its own program only."""

    def run(number: int) -> tuple[int | None, list[str]]:
        child = supervisor.start(
            name=f"child-{number}", argv=["/bin/echo", str(number)], env={}, cwd=tmp_path
        )
        code = child.wait(timeout_s=WAIT_S)
        supervisor.reap(child)
        return code, list(child.tail)

    with ThreadPoolExecutor(max_workers=6) as pool:
        ended = list(pool.map(run, range(12)))
    assert ended == [(0, [str(number)]) for number in range(12)]
    assert supervisor.running() == []
