"""The keeper as localaws speaks to it: one message for each child, and lines on the child's own socket.

Both ways of keeping are tried: with a PID namespace, where the machine allows one, and as a subreaper.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localaws.children import keeper as program

KEEPER = Path(program.__file__)
WITHOUT = f"import runpy, sys; m = runpy.run_path({str(KEEPER)!r}); m['KINDS'].clear(); m['main']()"
"""The keeper on a machine that allows no namespaces."""
PATIENCE_S = 60.0
FOREVER = "import time; print('up', flush=True); time.sleep(600)"


@dataclass(kw_only=True)
class Kept:
    """One child: what the keeper says of it, and what it writes."""

    control: socket.socket
    output: int
    said: Any = field(init=False)

    def __post_init__(self) -> None:
        self.control.settimeout(PATIENCE_S)
        self.said = self.control.makefile("r", encoding="utf-8")

    def line(self) -> str:
        """Return what is said next."""
        return str(self.said.readline()).strip()

    def read(self, size: int = 4096) -> str:
        """Return what has been written next."""
        return os.read(self.output, size).decode()

    def order(self, order: bytes) -> None:
        """Send an order."""
        self.control.sendall(order)


class Keeper:
    """A keeper of a test's own."""

    def __init__(self, argv: list[str]) -> None:
        self.socket, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", *argv], stdin=theirs.fileno(), start_new_session=True
            )
        self.refusal = self.socket.makefile("r", encoding="utf-8").readline().strip()
        self._open: list[Callable[[], None]] = []

    def hand_over(self) -> Kept:
        """Give the keeper the ends of a child that is still to be described."""
        control, theirs = socket.socketpair()
        reading, writing = os.pipe()
        with theirs:
            socket.send_fds(self.socket, [b"+"], [theirs.fileno(), writing])
        os.close(writing)
        self._open += [control.close, lambda: os.close(reading)]
        return Kept(control=control, output=reading)

    def start(self, code: str, **request: Any) -> Kept:
        """Have a Python program started."""
        asked = {"argv": [sys.executable, "-I", "-c", code], "env": dict(os.environ), "cwd": "/"}
        kept = self.hand_over()
        asked |= {"mounts": [], "is_root": False, "is_container": False, "processes": 500} | request
        kept.order(json.dumps(asked).encode() + b"\n")
        return kept

    def close(self) -> int:
        """End, as localaws does; return the keeper's exit code."""
        self.socket.close()
        code = self.process.wait(PATIENCE_S)
        for close in self._open:
            with contextlib.suppress(OSError):
                close()
        self._open.clear()
        return code


@pytest.fixture(params=["namespace", "subreaper"])
def keeper(request: pytest.FixtureRequest) -> Iterator[Keeper]:
    """Return a keeper of each way."""
    found = Keeper([str(KEEPER)] if request.param == "namespace" else ["-c", WITHOUT])
    if request.param == "namespace" and found.refusal:
        found.close()
        pytest.skip(f"this machine has no namespaces: {found.refusal}")
    yield found
    found.close()


def pids(mark: str) -> list[int]:
    """Return the pids, on the machine, of the processes that have a word among their arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and mark in (entry / "cmdline").read_bytes().decode().split("\0"):
                found.append(int(entry.name))
    return found


def is_gone(mark: str) -> bool:
    """Wait until no process has a word among its arguments; return whether that came about."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if not pids(mark):
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def mark() -> str:
    """Return a word by which a process is found."""
    return f"mark-{os.urandom(6).hex()}"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("pass", "0"),
        ("raise SystemExit(7)", "7"),
        ("raise SystemExit(255)", "255"),
        ("import os; os.abort()", str(-signal.SIGABRT)),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", str(-signal.SIGKILL)),
        ("import os; os.close(1); os.close(2); raise SystemExit(3)", "3"),
    ],
)
def test_an_end_is_told_as_a_code_or_a_signal(keeper: Keeper, code: str, expected: str) -> None:
    child = keeper.start(code)
    assert child.line()[1:].isdecimal()
    assert child.line() == expected
    assert child.line() == "", "the last line is the end of the conversation"


def test_the_number_that_is_told_is_the_machines(keeper: Keeper, mark: str) -> None:
    """Memory is watched by it; in a namespace the program itself has another."""
    child = keeper.start(FOREVER, argv=[sys.executable, "-I", "-c", FOREVER, mark])
    told = child.line()
    assert child.read() == "up\n"
    assert [f"+{pid}" for pid in pids(mark)] == [told]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"argv": ["/no/such/program"]}, "/no/such/program: No such file or directory"),
        ({"argv": ["/etc/passwd"]}, "/etc/passwd: Permission denied"),
        ({"cwd": "/no/such/folder"}, "/no/such/folder: No such file or directory"),
        ({"argv": ["/bin/true", "a\0b"]}, "embedded null byte: Invalid argument"),
        ({"env": {"A=B": "c"}}, "illegal environment variable name: Invalid argument"),
    ],
)
def test_a_program_that_cannot_start_is_refused_with_its_name(
    keeper: Keeper, request_: dict[str, Any], reason: str
) -> None:
    child = keeper.start("pass", **request_)
    assert child.line() == f"!{reason}"
    assert child.read() == ""
    assert keeper.start("print('next')").line().startswith("+"), "the next one is not affected"


def test_an_order_to_terminate_reaches_the_program_and_all_of_its_group(keeper: Keeper) -> None:
    code = (
        "import os, signal, time\n"
        "pid = os.fork()\n"
        "signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b'child\\n' if pid == 0 else b'parent\\n'),"
        " pid and os.wait(), os._exit(4)))\n"
        "os.write(1, b'up\\n')\n"
        "while True: time.sleep(1)\n"
    )
    child = keeper.start(code)
    assert child.line().startswith("+")
    text = ""
    while text.count("up") < 2:
        text += child.read()
    child.order(b"T")
    assert child.line() == "4"
    while piece := child.read():
        text += piece
    assert sorted(text.split()) == ["child", "parent", "up", "up"]


@pytest.mark.parametrize("order", [b"K", b"TK", b""], ids=["kill", "both", "localaws-is-gone"])
def test_no_order_can_be_ignored_for_ever(keeper: Keeper, mark: str, order: bytes) -> None:
    code = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{FOREVER}"
    child = keeper.start(code, argv=[sys.executable, "-I", "-c", code, mark])
    assert child.line().startswith("+")
    assert child.read() == "up\n"
    assert len(pids(mark)) == 1
    if order:
        child.order(order)
        assert child.line() == str(-signal.SIGKILL)
    else:
        child.control.shutdown(socket.SHUT_WR)
    assert is_gone(mark)


DAEMON = """
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, '-I', '-c', 'import time; time.sleep(600)', sys.argv[1]])
    os._exit(0)
os.wait()
print('up', flush=True)
"""


@pytest.mark.parametrize("ending", ["exit", "kill", "keeper"])
def test_a_daemon_that_forks_twice_does_not_outlive_its_program(
    keeper: Keeper, mark: str, ending: str
) -> None:
    """It has another session, another parent and another process group than the program had."""
    wait = "import time; time.sleep(600)" if ending != "exit" else "sys.stdin.read()"
    code = f"{DAEMON}\n{wait}"
    child = keeper.start(code, argv=[sys.executable, "-I", "-c", code, mark])
    assert child.line().startswith("+")
    assert child.read() == "up\n"
    if ending == "kill":
        child.order(b"K")
    elif ending == "keeper":
        keeper.close()
    assert is_gone(mark)
    if ending == "exit":
        assert child.line() == "0"


def test_children_know_nothing_of_each_other(keeper: Keeper) -> None:
    """None holds another's output open, or ends with it."""
    first, second = keeper.start(FOREVER), keeper.start(FOREVER)
    for child in (first, second):
        assert child.line().startswith("+")
        assert child.read() == "up\n"
    first.order(b"K")
    assert first.line() == str(-signal.SIGKILL)
    assert first.read() == "", "nobody else has the pipe"
    second.order(b"T")
    assert second.line() == str(-signal.SIGTERM)


def test_a_child_has_three_files_and_no_signal_ignored(keeper: Keeper) -> None:
    code = (
        "import os, signal\n"
        "print(sorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:4])\n"
        "print(os.read(0, 1), os.getsid(0) == os.getpid())\n"
        "print([n.name for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)"
        " if signal.getsignal(n) == signal.SIG_IGN])\n"
    )
    child = keeper.start(code)
    assert child.line().startswith("+")
    assert child.line() == "0"
    assert child.read() == "[0, 1, 2, 3]\nb'' True\n[]\n", "3 is the listing's own"


def test_the_keeper_ends_with_localaws_and_removes_its_folder(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    (scratch / "deep" / "er").mkdir(parents=True)
    (scratch / "deep" / "er" / "file").write_text("x")
    keeper = Keeper([str(KEEPER), str(scratch), str(tmp_path / "never-was")])
    child = keeper.start(FOREVER)
    assert child.line().startswith("+")
    assert keeper.close() == 0
    assert not scratch.exists()
    assert tmp_path.exists()


@pytest.mark.parametrize("number", program.IGNORED, ids=lambda number: number.name)
def test_a_signal_of_the_terminal_does_not_end_the_keeper(keeper: Keeper, number: signal.Signals) -> None:
    child = keeper.start(FOREVER)
    assert child.line().startswith("+")
    keeper.process.send_signal(number)
    assert keeper.start("pass").line().startswith("+")
    child.order(b"T")
    assert child.line() == str(-signal.SIGTERM)


def test_a_child_that_is_never_described_is_forgotten(keeper: Keeper) -> None:
    keeper.hand_over().control.close()
    assert keeper.start("pass").line().startswith("+")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(2, "No such file", "/x"), "/x No such file"),
        (OSError(1, "Operation not permitted"), "Operation not permitted"),
        (OSError(), ""),
    ],
)
def test_an_error_is_told_in_one_line(error: OSError, expected: str) -> None:
    assert program.describe(error) == expected


@pytest.mark.parametrize("is_folder", [True, False])
def test_what_is_mounted_on_is_made_and_what_is_there_stays(tmp_path: Path, is_folder: bool) -> None:
    target = tmp_path / "opt" / "ml" / "input"
    program.make_target(target, is_folder=is_folder)
    assert (target.is_dir(), target.is_file()) == (is_folder, not is_folder)
    marker = target / "kept" if is_folder else target
    marker.write_text("kept")
    program.make_target(target, is_folder=is_folder)
    assert marker.read_text() == "kept"


AS_USER = (
    f"import os, runpy; m = runpy.run_path({str(KEEPER)!r}); "
    "os.setgroups([]); os.setgid(65534); os.setuid(65534); m['libc'].prctl(4, 1, 0, 0, 0); m['main']()"
)
"""The keeper of another user, whose children are in user namespaces (4: PR_SET_DUMPABLE, for /proc)."""
BOMB = "i=0; while [ $i -lt 900 ]; do i=$((i+1)); sleep 600 & echo $i; done; echo no limit"
"""It ends by itself where nothing else ends it: far below what a machine can bear."""
THREADS = """
import threading, time
for number in range(1, 900):
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    print(number, flush=True)
"""
LIMIT = 150


@pytest.fixture(params=["root", "user"])
def bounded(request: pytest.FixtureRequest) -> Iterator[Keeper]:
    """Return a keeper of root, whose namespaces are limited by their numbers, and one of another user."""
    if os.getuid() != 0 or program.linux_version() < program.NAMESPACE_LIMIT:
        pytest.skip("needs root and Linux 6.14")
    found = Keeper([str(KEEPER)] if request.param == "root" else ["-c", AS_USER])
    if found.refusal:
        found.close()
        pytest.skip(f"this machine has no namespaces: {found.refusal}")
    yield found
    found.close()


def count_of(child: Kept) -> int:
    """Read what a bomb writes to its end; return how many processes it could start."""
    said = ""
    while data := child.read(65536):
        said += data
    return max(int(line) for line in said.splitlines() if line.isdigit())


def test_a_bomb_is_refused_further_processes_and_leaves_none(bounded: Keeper, mark: str) -> None:
    machine = Path(program.PID_MAX).read_text()
    argv = ["/bin/sh", "-c", BOMB, mark]
    child = bounded.start("", argv=argv, processes=LIMIT, is_container=True)
    assert child.line().startswith("+")
    assert LIMIT - 10 <= count_of(child) <= LIMIT + program.RESERVED_PIDS
    assert child.line() == "2", "the shell's own end where it cannot fork"
    assert is_gone(mark)
    assert Path(program.PID_MAX).read_text() == machine


def test_threads_count_as_processes() -> None:
    keeper = Keeper([str(KEEPER)])
    if keeper.refusal or os.getuid() != 0 or program.linux_version() < program.NAMESPACE_LIMIT:
        keeper.close()
        pytest.skip("needs root, namespaces and Linux 6.14")
    child = keeper.start(THREADS, processes=LIMIT)
    assert child.line().startswith("+")
    assert child.line() == "1"
    assert LIMIT - 10 <= count_of(child) <= LIMIT + program.RESERVED_PIDS
    keeper.close()


def test_a_container_cannot_raise_its_limit(bounded: Keeper) -> None:
    script = f"(echo 30000 > {program.PID_MAX}) 2>&1; ulimit -u 30000 2>&1"
    child = bounded.start("", argv=["/bin/sh", "-c", script], processes=LIMIT, is_container=True)
    assert child.line().startswith("+")
    assert child.line() in ("0", "2")
    assert "Read-only file system" in child.read() or "Permission denied" in child.read()


def test_the_rights_of_a_container_leave_out_the_machines() -> None:
    """By number: CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SYS_MODULE, CAP_SYS_PTRACE, CAP_SYS_TIME, CAP_MKNOD."""
    assert not {21, 12, 16, 19, 25, 27} & set(program.CAPABILITIES)
    assert max(program.CAPABILITIES) < program.CAPABILITIES_END
