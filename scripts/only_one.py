"""Let one command at a time use a folder."""

import contextlib
import fcntl
import os
from collections.abc import Generator
from pathlib import Path

from scripts.local_stack import StackError


@contextlib.contextmanager
def only_one(folder: Path, *, what: str) -> Generator[None, None, None]:
    """Hold a folder while the block runs; raises StackError naming who has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise StackError(
                f"another {what} ({lock.read().strip()}) is at work in {folder}. Wait for its end, stop it, "
                "or give this one a folder of its own with --folder"
            ) from error
        lock.truncate(0)
        lock.write(f"process {os.getpid()}")
        lock.flush()
        yield
