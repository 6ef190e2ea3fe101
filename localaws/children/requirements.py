"""Install a job's requirements.txt, then become the job's program.

Run as a script: REQUIREMENTS FAILURE COMMAND...; standard library only. Where pip fails, what it said last
goes to the file FAILURE, worded as by sagemaker-training-toolkit (errors.py, InstallRequirementsError).
"""

import json
import os
import re
import subprocess
import sys
from collections import deque
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

SETTINGS = "LOCALAWS_PIP_ENVIRONMENT"
PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*==\s*([A-Za-z0-9.!+]+)")
TAIL_LINES, TAIL_CHARACTERS = 12, 700
"""Of pip's output, quoted in the reason."""


def install(requirements: str, *, settings: dict[str, str]) -> tuple[int, str]:
    """Run pip, its output shown as it comes; return its exit code and its last lines."""
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "-r", requirements]
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    with subprocess.Popen(
        command,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)  # noqa: T201 - the job's log
            tail.append(line)
    return process.returncode, "".join(tail)


def is_satisfied(requirements: str) -> bool:
    """Return whether every line pins a version that is installed: pip would take seconds to find that out.

    What is more than a name and a version (an option, a marker, an extra, a range) is left to pip.
    """
    lines = [line.partition("#")[0].strip() for line in Path(requirements).read_text().splitlines()]
    pins = [PIN.fullmatch(line) for line in lines if line]
    return all(pin is not None and _installed(pin[1]) == pin[2] for pin in pins)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def reason(code: int, said: str, *, requirements: str) -> str:
    """Return the text of the failure file."""
    command = f"{sys.executable} -m pip install -r {requirements}"
    quoted = said.strip()[-TAIL_CHARACTERS:]
    return f'InstallRequirementsError:\nExitCode {code}\nErrorMessage "{quoted}"\nCommand "{command}"'


def main() -> None:
    """Install, and become the program."""
    requirements, failure, *command = sys.argv[1:]
    settings = json.loads(os.environ.pop(SETTINGS, "{}"))
    code, said = (0, "") if is_satisfied(requirements) else install(requirements, settings=settings)
    if code:
        Path(failure).write_text(reason(code, said, requirements=requirements))
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - the job's program, without a shell


if __name__ == "__main__":
    main()
