"""Remove what SageMaker refuses to remove while it is busy: ask again until it is gone."""

import logging
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from botocore.waiter import Waiter

from musher.errors import TeardownError
from musher.hooks.sagemaker import MISSING_CODES
from musher.hooks.waits import StatusLog, wait_until

logger = logging.getLogger(__name__)


def remove_when_settled(
    waiter: Waiter,
    *,
    subject: str,
    arguments: dict[str, str],
    status_key: str,
    ask: Callable[[str], None],
    delay_s: float,
) -> None:
    """Wait until a resource is gone; `ask` gets the status that each look finds, and asks for what it takes.

    AWS's answer to a deletion alone says nothing: it is refused while the resource is busy, and one that was
    accepted may be overtaken by an update. So each look asks again, which also makes good a crash in between.
    TeardownError where the resource is not gone within the waiter's bound.
    """
    status = StatusLog(subject=subject)

    def look(answer: dict[str, Any]) -> None:
        if "Error" in answer:  # a throttled look, which the waiter's data takes for an answer
            return
        status.show(answer[status_key])
        ask_if_taken(ask, answer[status_key], subject=subject)

    try:
        wait_until(waiter, arguments=arguments, delay_s=delay_s, on_response=look)
    except TimeoutError as error:
        raise TeardownError(f"{error}: it is {status.last}, and costs until it is gone") from None
    logger.info("%s: removed", subject)


def ask_if_taken(ask: Callable[[str], None], status: str, *, subject: str) -> None:
    """Ask for a step; that AWS does not take it now has the code of what is missing, and is logged."""
    try:
        ask(status)
    except ClientError as error:
        if error.response["Error"]["Code"] not in MISSING_CODES:
            raise
        logger.warning("%s: AWS does not do that now: %s", subject, error)
