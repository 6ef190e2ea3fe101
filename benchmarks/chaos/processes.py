"""Run something in a fork of this process, which has imported Airflow already, and kill it where asked to."""

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
LOOK_S = 0.02
DIED, LATE = "died", "late"


@dataclass(frozen=True, kw_only=True)
class End:
    """How a fork ended: what it returned, or that it was killed, or took too long."""

    result: Any = None
    reason: str = ""


def run_forked(
    work: Callable[[], Any],
    *,
    folder: Path,
    limit_s: float,
    must_die: Callable[[], bool] = lambda: False,
) -> End:
    """Run `work` in a fork whose output goes to folder/log; SIGKILL it as soon as `must_die` says so.

    This process must have no threads. Whatever the fork started is killed with it, and reaped by it or init.
    """
    folder.mkdir(parents=True, exist_ok=True)
    answer = folder / "answer.json"
    answer.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        _be_the_fork(work, answer=answer, log=folder / "log")
    deadline = time.monotonic() + limit_s
    reason = ""
    while not os.waitpid(pid, os.WNOHANG)[0]:
        reason = DIED if must_die() else LATE if time.monotonic() > deadline else ""
        if reason:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            break
        time.sleep(LOOK_S)
    if reason or not answer.exists():
        return End(reason=reason or "it ended without an answer")
    return End(result=json.loads(answer.read_text()))


def die_with_parent() -> None:
    """Ask the kernel to end this process where the one that started it ends, however that is (prctl(2))."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def leave_on_sigterm() -> None:
    """Let SIGTERM end this process in good order: what it started is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def _be_the_fork(work: Callable[[], Any], *, answer: Path, log: Path) -> None:
    """Do the work and leave at once: what this process holds belongs to the one it was forked from."""
    code = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        die_with_parent()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        found = json.dumps(work())
        partial = answer.with_suffix(".partial")
        partial.write_text(found)
        partial.replace(answer)
        code = 0
    except BaseException:  # noqa: BLE001 - the fork's boundary: nothing may get into the parent's code
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
