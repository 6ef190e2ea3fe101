"""The agent in an instance: takes commands from Systems Manager, and says what became of them.

Started with `python -I -S` by `instance_init.py`. Each of its workers keeps one connection to the socket
beside it. A line on that, in JSON, is a command: `script`, `cwd`, and the `folder` that keeps script and
output, as amazon-ssm-agent does it. The answer is one line: `code`, and `stdout` and `stderr` in base64. When
the other end closes, the command is killed with all that it started. Standard library only.
"""

import base64
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

SOCKET = Path("/run/localaws/agent.sock")
WORKERS = 5
"""Commands at a time, as amazon-ssm-agent has by default; others wait."""
LOOK_S = 0.05
"""Seconds between two looks at whether a command has ended."""
AGAIN_S = 0.5
"""Seconds until a worker asks for a connection again."""
MAX_OUTPUT = 8 << 20
"""Bytes of each output that are handed on."""
DEFAULT_CWD = "/usr/bin"


def main() -> None:
    """Work until the instance is shut down."""
    for _ in range(WORKERS - 1):
        threading.Thread(target=work, daemon=True).start()
    work()


def work() -> None:
    """Take one command after the other."""
    while True:
        with contextlib.suppress(OSError, ValueError, LookupError), socket.socket(socket.AF_UNIX) as line:
            line.connect(str(SOCKET))
            serve(line)
        time.sleep(AGAIN_S)


def serve(line: socket.socket) -> None:
    """Take commands from a connection, one after the other, until it closes."""
    with line.makefile("rb") as incoming:
        while order := incoming.readline():
            answer = run(json.loads(order), line)
            if answer is None:
                return
            line.sendall(json.dumps(answer).encode() + b"\n")


def run(order: dict[str, Any], line: socket.socket) -> dict[str, Any] | None:
    """Run a command to its end; None where the other end has closed, and the command was killed."""
    folder = Path(order["folder"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        script = folder / "_script.sh"
        script.write_text(order["script"])
        script.chmod(0o700)
        with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
            process = subprocess.Popen(
                ["sh", "-c", str(script)],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                cwd=order["cwd"] or DEFAULT_CWD,
                start_new_session=True,
            )
    except OSError as error:
        return {"code": 1, "stdout": "", "stderr": encode(f"failed to start the command: {error}\n".encode())}
    while process.poll() is None:
        if select.select([line], [], [], LOOK_S)[0]:
            kill(process)
            return None
    return {"code": read_code(process), "stdout": read(folder / "stdout"), "stderr": read(folder / "stderr")}


def read_code(process: "subprocess.Popen[bytes]") -> int:
    """Return the exit code, for a signal as a shell has it."""
    code = process.wait()
    return 128 - code if code < 0 else code


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a command, its session, and what has left that and still descends from it."""
    for pid in [process.pid, *descendants(process.pid)]:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def descendants(ancestor: int) -> list[int]:
    """Return the children of a process, theirs, and so on; and what is of its session."""
    rows, known = stat_rows(), {ancestor}
    found: list[int] = []
    while True:
        new = [
            pid
            for pid, parent, session in rows
            if pid not in known and (parent in known or session == ancestor)
        ]
        if not new:
            return found
        found += new
        known.update(new)


def stat_rows() -> list[tuple[int, int, int]]:
    """Return pid, parent and session of every process."""
    rows = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                rows.append((int(entry.name), int(fields[1]), int(fields[3])))
    return rows


def read(path: Path) -> str:
    """Return the beginning of an output, in base64."""
    with path.open("rb") as file:
        return encode(file.read(MAX_OUTPUT))


def encode(content: bytes) -> str:
    """Return bytes as they travel."""
    return base64.b64encode(content).decode()


if __name__ == "__main__":
    main()
