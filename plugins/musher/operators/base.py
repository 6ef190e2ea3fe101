"""What Musher's operators and tasks share: the installation's connection, and failing for good."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from musher.errors import MusherError
from musher.hooks.connection import hook_parameters
from musher.settings import Settings


@contextmanager
def fail_without_retry() -> Iterator[None]:
    """Turn Musher's own errors into AirflowFailException: trying again would meet the same error.

    Anything else (a broken connection, a throttled call) passes through and is retried by Airflow.
    """
    try:
        yield
    except MusherError as error:
        raise AirflowFailException(str(error)) from error


class InstallationMixin:
    """Give an operator the settings, read when it runs, and hooks for their connection and region."""

    @cached_property
    def settings(self) -> Settings:
        """Return the installation's settings."""
        return Settings.from_env()

    @property
    def _hook_parameters(self) -> dict[str, Any]:
        return hook_parameters(self.settings)
