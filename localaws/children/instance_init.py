"""The first program of an instance: does what user data ask for, and stays until it is shut down.

Started with `python -I -S`. What it finds in `boot.json` beside it is done once, in a thread, whose words go
to the console (standard output) and to /var/log/cloud-init-output.log. Meanwhile it waits for a word on the
pipe /run/initctl, which `instance_power.py` writes, or for SIGTERM, the power button. SIGUSR1 hibernates: all
but this process are stopped, until SIGUSR2. The exit code says how it ended. The agent of Systems Manager is
started beside it. Standard library only.
"""

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

HALTED, REBOOTING, SWITCHED_OFF = 100, 101, 0
"""Exit codes: shut down from inside, rebooting from inside, SIGTERM."""
STEPS = {int(signal.SIGUSR1): int(signal.SIGSTOP), int(signal.SIGUSR2): int(signal.SIGCONT)}
"""Signals that hibernate and wake up: what all other processes are sent then."""
CONTROL = "/run/initctl"
AGENT = Path(__file__).with_name("instance_agent.py")
LOG = Path("/var/log/cloud-init-output.log")
SCRIPTS = Path("/var/lib/cloud/instance/scripts")
ENDING = threading.Event()
"""Set once the instance shuts down: what fails from then on is no failure of the boot."""
GRACE_S = 3.0
"""Seconds between SIGTERM and the end of what runs."""


def main() -> int:
    """Boot, and return how the instance ended."""
    document = json.loads(Path(__file__).with_name("boot.json").read_text())
    os.mkfifo(CONTROL, 0o600)
    control = os.open(CONTROL, os.O_RDWR | os.O_NONBLOCK)
    wakeups, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in (signal.SIGTERM, *STEPS):
        signal.signal(number, lambda *_: None)
    output = open_output()
    subprocess.Popen([sys.executable, "-I", "-S", str(AGENT)], stdin=subprocess.DEVNULL)
    threading.Thread(target=boot, args=(document, output), daemon=True).start()
    code = wait_for_end(control, wakeups)
    ENDING.set()
    end_processes()
    return code


def wait_for_end(control: int, wakeups: int) -> int:
    """Wait for a word on the pipe, or SIGTERM; return the exit code."""
    while True:
        ready = select.select([control, wakeups], [], [])[0]
        numbers = os.read(wakeups, 64) if wakeups in ready else b""
        if signal.SIGTERM in numbers:
            return SWITCHED_OFF
        for number in filter(STEPS.__contains__, numbers):
            send_all(STEPS[number])
        if control in ready:
            return REBOOTING if os.read(control, 64).strip() == b"reboot" else HALTED


def open_output() -> int:
    """Return a pipe whose content goes to the console and to the log."""
    reading, writing = os.pipe()
    LOG.parent.mkdir(parents=True, exist_ok=True)
    log = LOG.open("ab", buffering=0)

    def copy() -> None:
        while data := os.read(reading, 65_536):
            with contextlib.suppress(OSError):  # the disk is full
                log.write(data)
            os.write(1, data)

    threading.Thread(target=copy, daemon=True).start()
    return writing


def boot(document: dict[str, Any], output: int) -> None:
    """Write the files, run the scripts one after the other; say of each what failed."""
    now = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
    say(output, f"Cloud-init running 'modules:final' at {now}.")
    for warning in document["warnings"]:
        say(output, f"WARNING: {warning}")
    for entry in document["files"]:
        try:
            write_file(entry)
        except (OSError, LookupError, ValueError) as error:
            say(output, f"WARNING: write_files: {entry['path']}: {error}")
    failed = [script["name"] for script in document["scripts"] if not run_script(script, output)]
    if ENDING.is_set():
        return
    if failed:
        say(output, f"WARNING: Running module scripts_user failed: {', '.join(failed)}")
    say(output, "Cloud-init finished.")


def say(output: int, text: str) -> None:
    """Write a line of cloud-init's own."""
    os.write(output, f"cloud-init: {text}\n".encode())


def write_file(entry: dict[str, Any]) -> None:
    """Write one file with its owner and permissions."""
    path = Path(entry["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab" if entry["append"] else "wb") as file:
        file.write(base64.b64decode(entry["content"]))
    path.chmod(entry["permissions"])
    user, _, group = entry["owner"].partition(":")
    if (user, group) not in (("root", "root"), ("root", ""), ("", "")):
        shutil.chown(path, user or "root", group or None)


def run_script(script: dict[str, str], output: int) -> bool:
    """Run one script to its end; tell whether it succeeded."""
    path = SCRIPTS / script["name"]
    if ENDING.is_set():
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(script["content"]))
        path.chmod(0o700)
        code = subprocess.call([str(path)], stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/")
    except OSError as error:
        say(output, f"WARNING: Failed to run {path} [{error}]")
        return False
    if code and not ENDING.is_set():
        say(output, f"WARNING: Failed to run {path} [{code}]")
    return code == 0


def send_all(number: int) -> bool:
    """Send a signal to all that runs in this namespace; outside of one touch nothing, and return False."""
    if b"keeper.py" not in Path("/proc/1/cmdline").read_bytes():
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, number)
    return True


def end_processes() -> None:
    """Ask all that runs in this namespace to end, for some seconds."""
    if not send_all(signal.SIGTERM):
        return
    send_all(signal.SIGCONT)  # what is frozen must hear it
    over = time.monotonic() + GRACE_S
    while others() and time.monotonic() < over:
        time.sleep(0.05)
    time.sleep(0.1)  # the last output is on its way to the console


def others() -> list[int]:
    """Return the processes beside the first one and this."""
    found = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in found if pid not in (1, os.getpid())]


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
