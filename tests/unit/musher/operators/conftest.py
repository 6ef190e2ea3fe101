"""What the tests of operators share: logs, and a task's context."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from musher.operators import endpoints, jobs
from musher.settings import Settings
from tests.unit.musher.operators.fakes import FakeLogs


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The lines of each log stream, which every operator then reads."""
    streams: dict[str, list[str]] = {}

    def make(_: Settings) -> FakeLogs:
        return FakeLogs(streams)

    monkeypatch.setattr(jobs, "logs_hook", make)
    monkeypatch.setattr(endpoints, "logs_hook", make)
    return streams


@pytest.fixture
def context() -> Callable[..., Any]:
    """Return a task context for a try of a task with two retries, after so many clearings."""

    def make(*, try_number: int = 1, max_tries: int = 2) -> Any:
        task = SimpleNamespace(retries=2)
        return {"ti": SimpleNamespace(try_number=try_number, max_tries=max_tries, task=task)}

    return make
