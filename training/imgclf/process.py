"""End a script: every reason goes to stderr and to the container's failure file."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from imgclf.errors import ImgclfError, StoppedError
from imgclf.memory import keep_freed_memory

logger = logging.getLogger(__name__)

FAILED_EXIT_CODE = 1
"""What SageMaker takes for a failed job, with the failure file's text as its FailureReason."""
STOPPED_EXIT_CODE = 143
"""What a shell reports of a program that SIGTERM ended."""


def run_script(work: Callable[[], None], environ: Mapping[str, str]) -> int:
    """Do a script's work and return its exit code."""
    keep_freed_memory()
    try:
        work()
    except StoppedError as stopped:  # no failure: whoever stopped the job knows, and may start it again
        sys.stderr.write(f"stopped: {stopped}\n")
        return STOPPED_EXIT_CODE
    except Exception as error:  # the process boundary: every reason must reach the failure file
        known = isinstance(error, ImgclfError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        if not known:
            logger.exception("unexpected error")
        sys.stderr.write(f"error: {message}\n")
        write_failure(message, environ)
        return FAILED_EXIT_CODE
    return 0


def write_failure(message: str, environ: Mapping[str, str]) -> None:
    """Leave the reason where SageMaker reads FailureReason; on a plain machine there is no such folder."""
    folder = Path(
        environ.get("SM_OUTPUT_DIR") or Path(environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "output"
    )
    if folder.is_dir():
        (folder / "failure").write_text(message[:1024])


def leave(code: int) -> NoReturn:
    """End the process at once, when all that it wrote is out.

    With torch loaded, Python takes a quarter of a second and more to take itself apart, which is paid for.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more, or it is closed
            stream.flush()
    os._exit(code)


def log_to_stdout() -> None:
    """Send the log where SageMaker reads metrics."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout, force=True)
