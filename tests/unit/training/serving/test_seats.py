"""How many processes serve, and what each may hold."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from imgclf.errors import ConfigError
from imgclf.serving import asgi, bodies, engine, questions, seats
from imgclf.serving.seats import MAX_PROCESSES, Seat, count_processes


def have_processors(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(seats.os, "sched_getaffinity", lambda _: set(range(count)))


def test_one_process_serves_unless_more_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    have_processors(monkeypatch, 4)
    assert count_processes({}) == count_processes({"MUSHER_SERVE_PROCESSES": ""}) == 1
    assert count_processes({"MUSHER_SERVE_PROCESSES": "4"}) == 4


@pytest.mark.parametrize(
    ("wanted", "processors", "most"),
    [("0", 4, 4), ("5", 4, 4), ("-1", 4, 4), ("two", 4, 4), ("9", 64, 8)],
)
def test_a_number_of_processes_that_cannot_be_is_refused(
    monkeypatch: pytest.MonkeyPatch, wanted: str, processors: int, most: int
) -> None:
    have_processors(monkeypatch, processors)
    with pytest.raises(
        ConfigError, match=f"MUSHER_SERVE_PROCESSES '{wanted}' is not possible: set 1 to {most},"
    ):
        count_processes({"MUSHER_SERVE_PROCESSES": wanted})


def test_a_share_of_the_limits_has_room_for_the_largest_request() -> None:
    assert bodies.MAX_HELD_BYTES // MAX_PROCESSES >= bodies.MAX_BODY_BYTES
    assert engine.MAX_IMAGES // MAX_PROCESSES >= questions.MAX_INSTANCES
    assert min(asgi.FETCH_THREADS, asgi.MAX_FETCHES, bodies.MAX_SENDERS) // MAX_PROCESSES >= 1


def test_a_process_that_none_supervises_has_no_seat() -> None:
    assert Seat.take({}) is None


def test_a_seat_is_handed_over_by_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []
    library: Any = SimpleNamespace(prctl=lambda *what: calls.append(what))
    monkeypatch.setattr(seats.ctypes, "CDLL", lambda _: library)
    seat = Seat(place=1, count=2, board=8, channel=7, parent=os.getppid())
    assert Seat.take({"MUSHER_SERVE_SEAT": seat.to_text()}) == seat
    assert calls == [(1, 9)]  # the parent's end is a SIGKILL
