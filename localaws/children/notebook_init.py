"""The first program of a notebook instance: lifecycle scripts, then cron and Jupyter, until SIGTERM.

Started with `python -I -S`, as root, with what is to be done in `boot.json` beside it. What it says goes
to standard output, a JSON object a line: `line` (of a log stream), `failed` (a script, which ends it) or
`serving`. The Jupyter server is started again whenever it ends. Standard library only.
"""

import base64
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

PYTHON = "/home/ec2-user/anaconda3/bin/python"
HOME = "/home/ec2-user"
SCRIPTS_FOLDER = "/root"
"""Where scripts run, which write files beside them; on AWS it is /, which cannot be written to here."""
LOG = Path("/var/log/jupyter.log")
SERVER_PID = Path("/run/jupyter-server.pid")
"""Where `systemctl restart jupyter-server` looks for it."""
LOGIN_SHELL = ("/bin/sh", "-l", "-c", 'exec "$0" "$@"')
"""What /etc/profile.d sets holds for Jupyter and its kernels."""
LOOK_S, PAUSE_S, GRACE_S = 0.1, 1.0, 3.0
"""Seconds between two looks at a server that starts, before one that has ended starts again, and between
SIGTERM and the end of all."""
OUTPUT_S = 1.0
"""Seconds that the last words of a script may take, whose output something else may hold open."""
ANSWER_S = 60.0
"""Seconds in which a busy server answers. One that is given up is answered all the same, before the next."""
CONTENT_CHARACTERS = 100_000


class Flag:
    """What a handler of a signal may set: an Event's lock may be held by what the signal interrupts."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        """Set it."""
        self._is_set = True

    def clear(self) -> None:
        """Take it back."""
        self._is_set = False

    def is_set(self) -> bool:
        """Tell whether it is set."""
        return self._is_set

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is set, for some seconds; tell whether it is."""
        over = time.monotonic() + timeout_s
        while not self._is_set and (left_s := over - time.monotonic()) > 0:
            time.sleep(min(left_s, LOOK_S))
        return self._is_set


ENDING = Flag()
_writing = threading.Lock()


def main() -> int:
    """Run the scripts, then everything else; return the exit code."""
    here = Path(__file__).parent
    document = json.loads((here / "boot.json").read_text())
    signal.signal(signal.SIGTERM, lambda *_: ENDING.set())
    for script in document["scripts"]:
        if not run_script(script, limit_s=document["limit_s"]):
            return 1
    if not ENDING.is_set():
        cron = subprocess.Popen([PYTHON, "-I", "-S", str(here / "notebook_cron.py"), "serve"])
        threading.Thread(target=await_server, args=(document,), daemon=True).start()
        keep_server(str(here / "notebook_server.py"))
        cron.terminate()
    end_processes()
    return 0


def say(event: str, **facts: Any) -> None:
    """Tell localaws something."""
    with _writing:
        sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
        sys.stdout.flush()


def run_script(script: dict[str, str], *, limit_s: float) -> bool:
    """Run one script to its end; tell whether it succeeded in time."""
    hook = script["hook"]
    path = Path("/tmp", hook.removeprefix("LifecycleConfig"))  # noqa: S108 - the instance's own /tmp
    path.write_bytes(base64.b64decode(script["content"]))
    path.chmod(0o755)
    try:
        process = subprocess.Popen(
            [str(path)],
            cwd=SCRIPTS_FOLDER,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:  # its first line names no program, or there is none
        say("line", stream=hook, text=f"{path}: {error.strerror}")
        say("failed", hook=hook, code=127)
        return False
    copying = copy_output(process, stream=hook)
    code = wait(process, limit_s=limit_s)
    copying.join(timeout=OUTPUT_S)
    if code == 0 or ENDING.is_set():
        return True
    say("failed", hook=hook, code=code)
    return False


def wait(process: "subprocess.Popen[bytes]", *, limit_s: float) -> int | None:
    """Wait for a program's end; return its exit code, None where it took too long, and was killed."""
    over = time.monotonic() + limit_s
    while (code := process.poll()) is None:
        if time.monotonic() > over or ENDING.is_set():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None
        time.sleep(0.02)
    return code


def copy_output(
    process: "subprocess.Popen[bytes]", *, stream: str, log: Path | None = None
) -> threading.Thread:
    """Start to tell each line of a program's output, and to write it to a file."""

    def copy() -> None:
        assert process.stdout is not None
        with process.stdout as output:
            while line := output.readline(CONTENT_CHARACTERS):
                say("line", stream=stream, text=line.decode(errors="replace").rstrip("\r\n"))
                if log is not None:
                    with log.open("ab") as file:
                        file.write(line)

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    return thread


def keep_server(program: str) -> None:
    """Run the Jupyter server, again and again, until all ends."""
    while not ENDING.is_set():
        server = subprocess.Popen(
            [*LOGIN_SHELL, PYTHON, program],
            cwd=HOME,
            env=os.environ | {"HOME": HOME, "USER": "ec2-user", "LOGNAME": "ec2-user"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        SERVER_PID.write_text(str(server.pid))
        copy_output(server, stream="jupyter.log", log=LOG)
        while server.poll() is None and not ENDING.wait(LOOK_S):
            pass
        if not ENDING.is_set():
            say("line", stream="jupyter.log", text=f"localaws: the Jupyter server ended ({server.poll()})")
            ENDING.wait(PAUSE_S)


def await_server(document: dict[str, Any]) -> None:
    """Tell when the server answers."""
    url = f"https://{document['address']}:{document['port']}/api/status"
    unchecked = ssl._create_unverified_context()  # noqa: S323 - it is our own, on loopback
    while not ENDING.wait(LOOK_S):
        try:
            with urllib.request.urlopen(url, context=unchecked, timeout=ANSWER_S):
                say("serving")
                return
        except (OSError, http.client.HTTPException):  # it is not there yet, or no answer of its own came
            continue


def end_processes() -> None:
    """Ask all that runs in this namespace to end, for some seconds; outside of one nothing is touched."""
    if b"keeper.py" not in Path("/proc/1/cmdline").read_bytes():
        return
    try:
        os.kill(-1, signal.SIGTERM)
    except ProcessLookupError:
        return
    over = time.monotonic() + GRACE_S
    while others() and time.monotonic() < over:
        time.sleep(0.05)


def others() -> list[int]:
    """Return the processes beside the first one and this."""
    found = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in found if pid not in (1, os.getpid())]


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
