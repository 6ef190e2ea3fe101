"""Install a job's requirements.txt, then become the job's program.

Run as a script: REQUIREMENTS FAILURE COMMAND...; standard library only. Where pip fails, what it said last
goes to the file FAILURE, worded as by sagemaker-training-toolkit (errors.py, InstallRequirementsError).
"""

import json
import os
import subprocess
import sys
from collections import deque
from pathlib import Path

SETTINGS = "LOCALAWS_PIP_ENVIRONMENT"
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


def reason(code: int, said: str, *, requirements: str) -> str:
    """Return the text of the failure file."""
    command = f"{sys.executable} -m pip install -r {requirements}"
    quoted = said.strip()[-TAIL_CHARACTERS:]
    return f'InstallRequirementsError:\nExitCode {code}\nErrorMessage "{quoted}"\nCommand "{command}"'


def main() -> None:
    """Install, and become the program."""
    requirements, failure, *command = sys.argv[1:]
    settings = json.loads(os.environ.pop(SETTINGS, "{}"))
    code, said = install(requirements, settings=settings)
    if code:
        Path(failure).write_text(reason(code, said, requirements=requirements))
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - the job's program, without a shell


if __name__ == "__main__":
    main()
