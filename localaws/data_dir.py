"""The folder of one localaws: made, held against others, and cleared of what a killed one left in it.

Nothing in it is read at the next start: the lists of what there is end with the process.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

from localaws.errors import DataDirError

MARK = ".localaws"
"""The file that says whose the folder is, locked for as long as localaws runs."""
PRIVATE = 0o700
"""The folder's mode: what lies in it are everybody's objects, models and keys."""
IGNORED = (MARK, "lost+found")
"""What may lie in a folder that is not ours yet."""


@contextlib.contextmanager
def hold_data_dir(named: Path | None) -> Generator[Path, None, None]:
    """Give the folder that the user named, emptied, or a temporary one where there is none.

    Raises DataDirError where it cannot be made or written to, belongs to a localaws that runs, or holds files
    that are not localaws' own.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="localaws-")) if named is None else named.absolute()
        folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        is_ours = (folder / MARK).exists()
        if not is_ours and (found := _find_foreign(folder)):
            raise DataDirError(
                f"--data-dir {folder} holds files that localaws did not make ({found}): name an empty "
                "folder, as localaws removes what lies in its own"
            )
        mark = os.open(folder / MARK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        option = "the folder for temporary files" if named is None else f"--data-dir {named}"
        raise DataDirError(f"cannot use {option}: {error.strerror or error}") from error
    try:
        _lock(mark, folder)
        with contextlib.suppress(PermissionError):  # somebody else's folder that we may write to
            folder.chmod(PRIVATE)
        _clear(folder)
        yield folder.resolve()
    finally:
        os.close(mark)


def _find_foreign(folder: Path) -> str | None:
    """Return the name of a file that is not ours, if there is one."""
    return min((path.name for path in folder.iterdir() if path.name not in IGNORED), default=None)


def _lock(mark: int, folder: Path) -> None:
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DataDirError(
            f"--data-dir {folder} belongs to a localaws that runs: stop it, or name another folder"
        ) from error


def _clear(folder: Path) -> None:
    """Remove what a localaws that was killed has left; its children are gone, or about to be."""
    for path in folder.iterdir():
        if path.name in IGNORED:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
