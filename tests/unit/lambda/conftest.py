"""The time of the function's tests."""

import endpoint_client
import pytest

from tests.function_connections import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the time of time.monotonic, which only what a test says takes; a pause is half a second."""
    made = Clock()
    monkeypatch.setattr(endpoint_client.time, "monotonic", made.now)
    monkeypatch.setattr(endpoint_client.time, "sleep", made.advance)
    monkeypatch.setattr(endpoint_client.random, "random", lambda: 0.5)
    return made
