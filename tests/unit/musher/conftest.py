"""What the tests of operators, hooks and stages share: an isolated Airflow and one installation."""

from collections.abc import Iterator

import pytest

from tests.isolated_airflow import isolate_airflow

isolate_airflow()

from musher.hooks.connection import forget_hooks  # noqa: E402  # nothing of Airflow may be imported earlier
from musher.settings import Settings  # noqa: E402


@pytest.fixture
def settings() -> Settings:
    """An installation that looks at AWS a hundred times a second."""
    return Settings(account_id="123456789012", poll_interval_s=0.01)


@pytest.fixture(autouse=True)
def own_hooks() -> Iterator[None]:
    """Let each test make its own hooks: each has an AWS of its own."""
    forget_hooks()
    yield
    forget_hooks()
