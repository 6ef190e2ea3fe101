"""Keep in a function's tags what it was before a run changes it, and read it back.

A retry, the teardown and a person find it there, whatever became of the run's own processes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from musher.hooks.functions import MusherLambdaHook, tags_of_function
from musher.payloads.concurrency import Concurrency
from musher.payloads.tags import NEXT_TAG, PREVIOUS_TAG, PROVISIONED_TAG, RESERVED_TAG, RUN_TAG

NONE = "none"


@dataclass(frozen=True, kw_only=True)
class ReleaseNote:
    """Say which run has changed a function last, from which version and concurrency, and to which version.

    `concurrency` is None where a note of an older Musher says nothing of it.
    """

    run: str
    previous: str
    next: str
    concurrency: Concurrency | None


def read_note(tags: Mapping[str, str]) -> ReleaseNote | None:
    """Return the note in a function's tags; None where the run that made the function was the last."""
    if PREVIOUS_TAG not in tags or NEXT_TAG not in tags:
        return None
    return ReleaseNote(
        run=tags.get(RUN_TAG, ""),
        previous=tags[PREVIOUS_TAG],
        next=tags[NEXT_TAG],
        concurrency=_read_concurrency(tags),
    )


def _read_concurrency(tags: Mapping[str, str]) -> Concurrency | None:
    reserved, provisioned = tags.get(RESERVED_TAG), tags.get(PROVISIONED_TAG)
    if reserved is None or provisioned is None:
        return None
    return Concurrency(reserved=None if reserved == NONE else int(reserved), provisioned=int(provisioned))


def write_note(hook: MusherLambdaHook, *, arn: str, note: ReleaseNote) -> None:
    """Put a note into a function's tags, in the place of the one before."""
    tags = {RUN_TAG: note.run, PREVIOUS_TAG: note.previous, NEXT_TAG: note.next}
    if note.concurrency is not None:
        reserved = note.concurrency.reserved
        tags[RESERVED_TAG] = NONE if reserved is None else str(reserved)
        tags[PROVISIONED_TAG] = str(note.concurrency.provisioned)
    hook.conn.tag_resource(Resource=arn, Tags=tags)


def is_note_of_try(note: ReleaseNote | None, *, run: str, stands_for: str, version: str) -> bool:
    """Return whether an earlier try of the run has written a note for the same change of the alias."""
    return (
        note is not None
        and (note.run, note.next) == (run, version)
        and stands_for in (note.previous, note.next)
    )


def find_note(hook: MusherLambdaHook, *, arn: str) -> tuple[str, ReleaseNote | None]:
    """Return the run that has changed a function last, and its note."""
    tags = tags_of_function(hook, arn=arn)
    return tags.get(RUN_TAG, ""), read_note(tags)
