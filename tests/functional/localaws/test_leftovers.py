"""Nothing of a child survives its end, however it tries to: on each kind of machine that localaws meets."""

import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WAIT_S = 30.0
OWNER = """
import os, sys, time
from pathlib import Path
from localaws.processes import Supervisor

end, script = sys.argv[1:]
supervisor, lines = Supervisor(), []
child = supervisor.start(
    name="child", argv=["/bin/sh", "-c", script], env=dict(os.environ), cwd=Path("/"), on_line=lines.append
)
while "ready" not in lines:
    time.sleep(0.01)
print("ready", flush=True)
sys.stdin.readline()
if end == "stop":
    supervisor.stop(child, grace_s=0.1)
elif end == "close":
    supervisor.close(grace_s=0.1)
elif end == "leader":
    (Path("/tmp") / sys.argv[2].rpartition(" ")[2]).touch()
    child.wait(timeout_s=60)
    supervisor.reap(child)
print("ended", flush=True)
sys.stdin.readline()
"""
STUBBORN = "trap '' TERM; setsid sleep 600.{mark} & (setsid sleep 600.{mark} &); echo ready; "
"""Deaf to SIGTERM, with a process in a session of its own, and one whose parent has ended as well."""
NO_PID_NAMESPACE = 'echo 0 > /proc/sys/user/max_pid_namespaces; exec "$@"'
MACHINES = {
    "root": [],
    "user namespaces": ["setpriv", "--bounding-set=-sys_admin"],
    "no namespaces": ["unshare", "--user", "--map-root-user", "sh", "-c", NO_PID_NAMESPACE, "sh"],
}
"""What makes this machine like another."""


def marked(mark: str) -> list[str]:
    """Return the processes of this machine that have `mark` in their command line as an argument of sleep."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if line.startswith(b"sleep\0") and mark.encode() in line:
            found.append(path.parent.name)
    return found


def wait_until(mark: str, *, count: int) -> int:
    """Wait until so many processes have the mark; return how many have it."""
    deadline = time.monotonic() + WAIT_S
    while len(found := marked(mark)) != count and time.monotonic() < deadline:
        time.sleep(0.02)
    return len(found)


@pytest.mark.parametrize("end", ["leader", "stop", "close", "SIGKILL"])
@pytest.mark.parametrize("machine", list(MACHINES))
def test_what_leaves_session_and_parents_ends_with_the_child(machine: str, end: str) -> None:
    mark = str(uuid.uuid4().int)
    go_on = Path("/tmp", f"go-{mark}")
    wait = f"while [ ! -e {go_on} ]; do sleep 0.05; done; exit 0 {go_on.name}"
    script = STUBBORN.format(mark=mark) + (wait if end == "leader" else f"sleep 600.{mark}")
    owner = subprocess.Popen(
        [*MACHINES[machine], sys.executable, "-c", OWNER, end, script],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdin is not None
    assert owner.stdout is not None
    try:
        assert owner.stdout.readline() == "ready\n"
        assert wait_until(mark, count=2 if end == "leader" else 3)
        if end == "SIGKILL":
            owner.kill()
            assert wait_until(mark, count=0) == 0
        else:
            owner.stdin.write("\n")
            owner.stdin.flush()
            assert owner.stdout.readline() == "ended\n"
            assert marked(mark) == []
    finally:
        owner.kill()
        owner.communicate()
        for pid in marked(mark):
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        go_on.unlink(missing_ok=True)
