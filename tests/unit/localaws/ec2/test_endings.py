"""Terminated instances are forgotten after an hour."""

from types import SimpleNamespace
from typing import Any

import pytest

from localaws.clock import ManualClock
from localaws.ec2 import endings


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """Return a clock that a test moves."""
    made = ManualClock()
    monkeypatch.setattr(endings.context, "current", lambda: SimpleNamespace(clock=made))
    return made


def make_backend() -> Any:
    one, two, three = (
        SimpleNamespace(id=name, client_token=f"token-{name}", fingerprint=f"asked-{name}")
        for name in ("i-1", "i-2", "i-3")
    )
    reservations = {
        "r-1": SimpleNamespace(instances=[one, two]),
        "r-2": SimpleNamespace(instances=[three]),
    }
    request = SimpleNamespace(instance=three)
    return SimpleNamespace(reservations=reservations, spot_instance_requests={"sir-1": request})


def find_ids(backend: Any) -> list[str]:
    return [each.id for item in backend.reservations.values() for each in item.instances]


def test_instances_go_an_hour_after_their_end_and_reservations_with_the_last(clock: ManualClock) -> None:
    backend = make_backend()
    endings.forget_ended(backend)
    endings.note_end(backend, "i-1")
    clock.advance(1800)
    endings.note_end(backend, "i-3")
    clock.advance(1799)
    endings.forget_ended(backend)
    assert find_ids(backend) == ["i-1", "i-2", "i-3"]
    clock.advance(1)
    endings.forget_ended(backend)
    assert find_ids(backend) == ["i-2", "i-3"]
    assert backend.spot_instance_requests
    clock.advance(1800)
    endings.forget_ended(backend)
    assert list(backend.reservations) == ["r-1"]
    assert backend.spot_instance_requests == {}


def test_a_token_outlives_its_instance_by_a_day(clock: ManualClock) -> None:
    backend = make_backend()
    endings.note_end(backend, "i-1")
    clock.advance(3600)
    endings.forget_ended(backend)
    assert endings.find_spent(backend, "token-i-2") is None
    spent = endings.find_spent(backend, "token-i-1")
    assert spent is not None
    assert spent.fingerprint == "asked-i-1"
    clock.advance(86_400 - 3600 - 1)
    assert endings.find_spent(backend, "token-i-1") == spent
    clock.advance(1)
    assert endings.find_spent(backend, "token-i-1") is None
