"""Lambda hook with Musher's waits."""

from os import PathLike
from typing import Any

from airflow.providers.amazon.aws.hooks.lambda_function import LambdaHook

from musher.hooks.sagemaker import found_or_none
from musher.hooks.waits import WAITERS


class MusherLambdaHook(LambdaHook):
    """Add waits as data and a search for a function to the provider's hook."""

    @property
    def waiter_path(self) -> PathLike[str]:
        """Return the file of Musher's own Lambda waiters."""
        return WAITERS / "lambda.json"

    def find_function(self, name: str) -> dict[str, Any] | None:
        """Return GetFunctionConfiguration's answer, or None."""
        return found_or_none(self.conn.get_function_configuration, FunctionName=name)
