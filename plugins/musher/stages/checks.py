"""Look at many things at once, and tell all findings together."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from musher.errors import MusherError

SHOWN_CHARACTERS = 120

MAX_LOOKS = 8
"""Looks at the same time: most of each is waiting for AWS."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One look: what it is about, and a function that returns its findings or raises the only one."""

    about: str
    look: Callable[[], Sequence[str]]


def look_at_all(checks: Iterable[Check]) -> tuple[list[str], list[str]]:
    """Return (findings, warnings) of all checks, whatever each of them meets; they look at the same time."""
    with ThreadPoolExecutor(max_workers=MAX_LOOKS) as pool:
        found = list(pool.map(_look, checks))
    problems = [problem for listed, _ in found for problem in listed]
    return list(dict.fromkeys(problems)), [warning for _, warning in found if warning]


def _look(check: Check) -> tuple[list[str], str | None]:
    """Return a check's findings, or the warning that it could not look."""
    try:
        return list(check.look()), None
    except MusherError as error:
        return [str(error)], None
    except (BotoCoreError, ClientError) as error:
        return [], f"{check.about} ({describe_refusal(error)})"


def describe_refusal(error: Exception) -> str:
    """Return AWS's code and the beginning of what it says: some answers are whole pages."""
    if not isinstance(error, ClientError):
        return str(error)[:SHOWN_CHARACTERS]
    found = error.response["Error"]
    text = " ".join(str(found.get("Message", "")).split())[:SHOWN_CHARACTERS]
    return f"{error.operation_name}: {found.get('Code')}, {text}"


def describe_problems(problems: Sequence[str]) -> str:
    """Return one message for all findings."""
    if len(problems) == 1:
        return f"Nothing was started: {problems[0]}"
    listed = "\n".join(f"{number}. {text}" for number, text in enumerate(problems, start=1))
    return f"Nothing was started, for {len(problems)} reasons:\n{listed}"
