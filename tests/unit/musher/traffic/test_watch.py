"""Instances that are looked at while a load test runs."""

import threading
from typing import Any

import pytest

from musher.traffic import watch
from musher.traffic.watch import keep, watch_instances


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look without pauses worth mentioning."""
    monkeypatch.setattr(watch, "MIN_PAUSE_S", 0.001)


def points_of(*seen: tuple[int, int]) -> list[tuple[float, int, int]]:
    """Return what is kept of looks, one a second."""
    points: Any = []
    for second, found in enumerate(seen):
        keep(points, at_s=float(second), seen=found)
    return [(point["at_s"], point["current"], point["desired"]) for point in points]


def test_only_changes_and_the_last_look_are_kept() -> None:
    assert points_of(*[(1, 1)] * 100) == [(0, 1, 1), (99, 1, 1)]
    assert points_of((1, 1), (1, 1), (1, 1), (1, 2), (1, 2), (1, 2), (2, 2)) == [
        (0, 1, 1),
        (2, 1, 1),
        (3, 1, 2),
        (5, 1, 2),
        (6, 2, 2),
    ]


def test_looks_go_on_while_the_body_runs_and_end_with_it() -> None:
    looks, enough = [], threading.Event()

    def look() -> tuple[int, int]:
        looks.append(1)
        if len(looks) == 3:
            enough.set()
        return 1, len(looks)

    with watch_instances(look, duration_s=0.01) as points:
        assert enough.wait(60)
    assert [point["desired"] for point in points[:3]] == [1, 2, 3]
    count = len(looks)
    assert not any(thread.name.endswith("(_watch)") for thread in threading.enumerate())
    assert len(looks) == count


def test_a_look_that_fails_or_finds_nothing_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    answers: Any = iter([ValueError("throttled"), None, (2, 2)])
    seen = threading.Event()

    def look() -> Any:
        answer = next(answers, None)
        if isinstance(answer, ValueError):
            raise answer
        if answer:
            seen.set()
        return answer

    with watch_instances(look, duration_s=0.01) as points:
        assert seen.wait(60)
    assert [point["current"] for point in points] == [2]
    assert "a look at the instances failed: throttled" in caplog.text


def test_looks_end_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MAX_LOOKS", 5)
    looks: list[int] = []
    ended = threading.Event()
    watch._watch(lambda: looks.append(1), [], ended, 0.0)
    assert len(looks) == 5


def test_a_look_that_hangs_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "JOIN_S", 0.01)
    release = threading.Event()
    with watch_instances(lambda: release.wait(60) and None, duration_s=1) as points:
        pass
    assert points == []
    release.set()
