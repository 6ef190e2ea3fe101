"""Look at AWS, and note what could not be looked at: one refusal must not hide the rest."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from musher.iam.account import Unseen

logger = logging.getLogger(__name__)

Seen = TypeVar("Seen")
MakeClient = Callable[[str], Any]
"""boto3's name of a service -> a client of it."""


class Looks:
    """What was not seen, and a way to look."""

    def __init__(self) -> None:
        self.unseen: list[Unseen] = []

    def at(self, what: str, look: Callable[[], Seen]) -> Seen | None:
        """Return what is seen; None, and a note, where AWS refuses or does not answer."""
        try:
            return look()
        except (BotoCoreError, ClientError) as error:
            self.miss(what, reason=str(error))
            return None

    def miss(self, what: str, *, reason: str) -> None:
        """Note what could not be looked at."""
        logger.warning("%s not looked at: %s", what, reason)
        self.unseen.append(Unseen(what=what, reason=reason))


def unless(codes: tuple[str, ...], look: Callable[[], Seen]) -> Seen | None:
    """Return what is seen; None where AWS answers with one of these codes: there is none."""
    try:
        return look()
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise
        return None
