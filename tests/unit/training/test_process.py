"""A script's end: at once, with all that it wrote."""

import os
import subprocess
import sys
from pathlib import Path

TRAINING = Path(__file__).parents[3] / "training"


def run(program: str, **options: object) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(TRAINING)}
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


def test_what_was_written_is_out_and_the_interpreter_is_not_taken_apart() -> None:
    done = run(
        "import atexit, sys; from imgclf.process import leave\n"
        "atexit.register(print, 'taken apart')\n"
        "sys.stdout.write('last words'); sys.stderr.write('errors'); leave(3)"
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "last words", "errors")


def test_the_exit_code_stays_where_nobody_reads_any_more() -> None:
    program = "import os, sys; from imgclf.process import leave\nsys.stdout.write('x'); os.close(1); leave(0)"
    assert run(program).returncode == 0
