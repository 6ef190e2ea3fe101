"""What is there while permissions count: a guard, the root's key, a file of what is asked for."""

import contextlib
from collections.abc import Generator
from pathlib import Path

from localaws.iam.enforcement.guard import Guard
from localaws.iam.enforcement.modes import Mode
from localaws.iam.enforcement.recorder import Recorder
from localaws.iam.enforcement.root_key import root_key


@contextlib.contextmanager
def guarding(
    mode: Mode, *, credentials_file: Path | None, record: Path | None
) -> Generator[Guard | None, None, None]:
    """Yield what requests are held against; None where permissions do not count.

    Raises OutputFileError where a file cannot be written.
    """
    with contextlib.ExitStack() as stack:
        recorder = stack.enter_context(contextlib.closing(Recorder(record))) if record else None
        if mode is Mode.ENFORCE and credentials_file is not None:
            stack.enter_context(root_key(credentials_file))
        yield None if mode is Mode.OFF else Guard(mode, recorder=recorder)
