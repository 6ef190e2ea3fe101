"""Kill what is left when localaws dies: run as a script, with its standard input as the lifeline.

Each line is `+PGID` (watch this process group) or `-PGID` (it has been reaped). When the pipe closes, because
localaws stopped or was killed, every group still watched gets SIGKILL, and the folder named as the only
argument, if any, is removed. Standard library only, started with `python -S -E`, so that it costs some 15 ms
and survives anything that happens to its parent.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    """Read the lifeline until it closes, then kill the groups still watched."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    watched: set[int] = set()
    for line in sys.stdin:
        sign, pgid = line[0], int(line[1:])
        (watched.add if sign == "+" else watched.discard)(pgid)
    for pgid in watched:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pgid, signal.SIGKILL)
    for folder in sys.argv[1:]:
        remove(folder)


def remove(folder: str) -> None:
    """Remove a folder that its owner had no time to remove."""
    import shutil  # only where there is something to do: it would double this script's start

    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
