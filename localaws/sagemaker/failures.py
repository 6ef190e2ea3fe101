"""Word FailureReason as AWS does. Pure.

The container's own words: sagemaker-training-toolkit, errors.py (ExecuteUserScriptError).
"""

import signal
from collections.abc import Sequence

MAX_REASON = 1024
"""Characters of FailureReason (API_DescribeTrainingJob)."""
INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."


def client_error(message: str) -> str:
    """Return the reason of a job whose inputs or outputs could not be moved."""
    return f"ClientError: {message}"[:MAX_REASON]


def machine_error(error: OSError) -> str:
    """Return the reason of a job for which this machine has no room, or no such file name."""
    return client_error(f"localaws cannot write the job's files: {error}")


def algorithm_error(message: str) -> str:
    """Return the reason of a job whose code could not be run."""
    return f"AlgorithmError: {message}"[:MAX_REASON]


def script_failed(*, exit_code: int, written: str | None, tail: Sequence[str], command: str) -> str:
    """Return the reason of a script that ended with `exit_code` (negative: a signal).

    What the script wrote to /opt/ml/output/failure comes first, as on AWS; else its last log lines, of which
    the latest are kept.
    """
    if written is not None and written.strip():
        ending = f", exit code: {container_exit_code(exit_code)}"
        return f"AlgorithmError: {written.strip()}"[: MAX_REASON - len(ending)] + ending
    head = f'AlgorithmError: ExecuteUserScriptError:\nExitCode {exit_code}\nErrorMessage "'
    extra = f'\nExtraInfo "{signal_text(exit_code)}"' if exit_code < 0 else ""
    ending = f'"{extra}\nCommand "{shorten(command, limit=200)}", exit code: 1'
    room = MAX_REASON - len(head) - len(ending)
    text = "\n".join(tail).strip()
    return head + text[max(0, len(text) - room) :] + ending


def container_exit_code(exit_code: int) -> int:
    """Return a process's exit code as a container reports it: 128 plus the number of a signal."""
    return exit_code if exit_code >= 0 else 128 - exit_code


def signal_text(exit_code: int) -> str:
    """Return a sentence for a negative exit code."""
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = "a signal"
    return f"Process killed by {name} (signal {-exit_code})"


def shorten(text: str, *, limit: int) -> str:
    """Cut a text to `limit` characters; three dots tell of the rest."""
    return text if len(text) <= limit else text[: limit - 3] + "..."
