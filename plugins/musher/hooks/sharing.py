"""Mark which runs wait for a job that they share, so that one run's end never stops another's job.

The marks are tags of the job itself: whoever may stop it sees them, and no second place can disagree. What
stops a job because of a person's cancel leaves a mark, too: a try that waits for it after all (of another
run, or begun by the clearing itself before the triggerer came to stop the old job) then starts it anew, where
it takes a job that a person stopped in AWS's console for stopped.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from musher.hooks.calls import Conversation
from musher.payloads.tags import STOPPED_TAG

WAITING = "musher:waiting-run-"
STOPPED = STOPPED_TAG


def waiting_tag(slug: str) -> str:
    """Return the key of the tag that says that a run waits for a job."""
    return f"{WAITING}{slug}"


def join(*, arn: str, tag: str) -> Conversation[None]:
    """Mark that a run waits for the job."""
    yield "add_tags", {"ResourceArn": arn, "Tags": [{"Key": tag, "Value": "waits"}]}


def leave(*, arn: str, tag: str) -> Conversation[bool]:
    """Take a run's mark off; return whether the job may be stopped, which is then marked as well."""
    yield "delete_tags", {"ResourceArn": arn, "TagKeys": [tag]}
    if any(key.startswith(WAITING) for key in (yield from list_tag_keys(arn=arn))):
        return False
    yield from mark_stopped(arn=arn)
    return True


def mark_stopped(*, arn: str) -> Conversation[None]:
    """Mark that a cancel, not a person in AWS's console, stops the job."""
    yield "add_tags", {"ResourceArn": arn, "Tags": [{"Key": STOPPED, "Value": "cancelled"}]}


def was_left(*, arn: str) -> Conversation[bool]:
    """Return whether a cancel, not a person in AWS's console, stopped the job."""
    return STOPPED in (yield from list_tag_keys(arn=arn))


def list_tag_keys(*, arn: str) -> Conversation[set[str]]:
    """Return the keys of a resource's tags; there are at most 50, which is one page."""
    answer = yield "list_tags", {"ResourceArn": arn}
    return _keys(answer["Tags"])


def _keys(tags: Iterable[Mapping[str, Any]]) -> set[str]:
    return {str(tag["Key"]) for tag in tags}
