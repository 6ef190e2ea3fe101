"""One folder for the temporary files of all that a command starts, which goes with it, however it ends.

What SIGKILL ends removes nothing, and neither do its children: the kernel ends them with it. So all of them
get this folder as TMPDIR. The process that starts children removes it where only the command was killed
(`Supervisor.scratch`); what a kill of both has left, the next command in the same place removes, by the note
of its name.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from scripts.progress import say

NOTE = ".scratch"
"""The file that names the folder, beside the lock of `only_one`: whoever may read it holds that."""
PREFIX = "musher-"
"""Short, as the sockets that jobs make below it may have 108 characters in all (unix(7))."""
PRIVATE = 0o700


@contextmanager
def scratch_folder(place: Path) -> Generator[Path, None, None]:
    """Give a new folder, as TMPDIR of what is started in the block; `place` must be held by `only_one`."""
    remove_left(place)
    made, note = Path(tempfile.gettempdir()) / f"{PREFIX}{secrets.token_hex(4)}", place / NOTE
    note.write_text(str(made))  # first: a kill in between leaves the name of nothing
    made.mkdir(mode=PRIVATE)
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(made)
    try:
        yield made
    finally:
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before
        shutil.rmtree(made, ignore_errors=True)
        note.unlink(missing_ok=True)


def remove_left(place: Path) -> None:
    """Remove the folder of a command that was killed, and say so; one that is not its own is left alone."""
    note = place / NOTE
    if not note.exists():
        return
    left = Path(note.read_text())
    if is_own(left):
        shutil.rmtree(left, ignore_errors=True)
        say(f"Removed what was left of a run that was killed: {left}")
    note.unlink()


def is_own(folder: Path) -> bool:
    """Return whether a folder is one that `scratch_folder` makes, of this user's."""
    if not folder.is_absolute() or not folder.name.startswith(PREFIX) or folder.is_symlink():
        return False
    return folder.is_dir() and folder.stat().st_uid == os.getuid()
