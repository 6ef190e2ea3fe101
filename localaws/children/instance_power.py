"""`shutdown`, `poweroff`, `halt` and `reboot` inside an instance: the name is the first argument.

https://man7.org/linux/man-pages/man8/shutdown.8.html. Standard library only.
"""

import contextlib
import os
import re
import signal
import sys
import time
from pathlib import Path

CONTROL = Path("/run/initctl")
PENDING = Path("/run/shutdown.pid")
"""Holds the process that waits for the time of a shutdown."""
DEFAULT_S = 60
"""Seconds until a shutdown where nothing is said."""
ONLY_KNOWN = "shutdown: localaws knows `now` and `+MINUTES`, and no time of day\n"


def main(name: str, words: list[str]) -> int:
    """Write the word that the first program waits for, now or later; return the exit code."""
    if name != "shutdown":
        return send("reboot" if name == "reboot" else "poweroff")
    if "-c" in words:
        return cancel()
    action = "reboot" if {"-r", "--reboot"} & set(words) else "poweroff"
    delay_s = read_delay_s(words)
    if delay_s is None:
        sys.stderr.write(ONLY_KNOWN)
        return 1
    return send(action) if delay_s == 0 else send_later(action, delay_s)


def read_delay_s(words: list[str]) -> int | None:
    """Return the seconds until a shutdown; None for a time of day."""
    times = [word for word in words if not word.startswith("-")]
    if not times:
        return DEFAULT_S
    if times[0] == "now":
        return 0
    found = re.fullmatch(r"\+?(\d{1,6})", times[0])
    return int(found[1]) * 60 if found else None


def send(action: str) -> int:
    """Write the word."""
    with CONTROL.open("w") as pipe:
        pipe.write(f"{action}\n")
    return 0


def send_later(action: str, delay_s: int) -> int:
    """Leave a process behind that writes the word."""
    if pid := os.fork():
        PENDING.write_text(str(pid))
        sys.stderr.write(f"Shutdown scheduled in {delay_s // 60} min, use 'shutdown -c' to cancel.\n")
        return 0
    os.setsid()
    time.sleep(delay_s)
    return send(action)


def cancel() -> int:
    """End the process that waits, where there is one."""
    with contextlib.suppress(OSError, ValueError):
        os.kill(int(PENDING.read_text()), signal.SIGKILL)
        PENDING.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
