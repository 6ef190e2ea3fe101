"""What the tests of operators, hooks and stages share: an isolated Airflow and one installation."""

import pytest

from tests.isolated_airflow import isolate_airflow

isolate_airflow()

from musher.settings import Settings  # noqa: E402  # nothing of Airflow may be imported earlier


@pytest.fixture
def settings() -> Settings:
    """An installation that looks at AWS a hundred times a second."""
    return Settings(account_id="123456789012", poll_interval_s=0.01)
