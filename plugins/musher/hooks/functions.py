"""Lambda hook with Musher's waits."""

import logging
from os import PathLike
from typing import Any

from airflow.providers.amazon.aws.hooks.lambda_function import LambdaHook

from musher.hooks.sagemaker import found_or_none
from musher.hooks.waits import WAITERS

logger = logging.getLogger(__name__)


class MusherLambdaHook(LambdaHook):
    """Add waits as data and a search for a function to the provider's hook."""

    @property
    def waiter_path(self) -> PathLike[str]:
        """Return the file of Musher's own Lambda waiters."""
        return WAITERS / "lambda.json"

    def find_function(self, name: str) -> dict[str, Any] | None:
        """Return GetFunctionConfiguration's answer, or None."""
        return found_or_none(self.conn.get_function_configuration, FunctionName=name)


def remove_function(hook: MusherLambdaHook, *, name: str) -> bool:
    """Delete a function; return whether there was one."""
    if hook.find_function(name) is None:
        return False
    found_or_none(hook.conn.delete_function, FunctionName=name)
    logger.info("%s: removed function", name)
    return True
