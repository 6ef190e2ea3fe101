"""What one process tells, all know: a ping and a page of metrics are of the whole server."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from imgclf.serving import figures
from imgclf.serving.figures import Board


@pytest.fixture
def boards() -> Iterator[tuple[Board, Board]]:
    """Return what two processes see."""
    file = os.memfd_create("board")
    os.ftruncate(file, Board.bytes_of(2))
    yield Board(count=2, place=0, file=file), Board(count=2, place=1, file=file)
    os.close(file)


def page_of(board: Board) -> dict[str, float]:
    """Return the numbers of the page of metrics, by name."""
    families = text_string_to_metric_families(board.render().decode())
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_what_processes_count_and_hold_adds_up(boards: tuple[Board, Board]) -> None:
    for number, board in enumerate(boards, start=1):
        board.metrics.count("/ping", 200)
        board.metrics.invocations.observe(number * 0.2)
        board.tell(images=number, fetches=0, is_faulty=False)
    for board in boards:
        page = page_of(board)
        assert page["imgclf_requests_total"] == 2
        assert page["imgclf_invocation_seconds_count"] == 2
        assert page["imgclf_invocation_seconds_sum"] == pytest.approx(0.6)
        assert (page["imgclf_waiting_images"], page["imgclf_processes"]) == (3, 2)
        assert page["process_resident_memory_bytes"] > 1e6


def test_a_process_that_has_ended_holds_nothing_but_its_counts(boards: tuple[Board, Board]) -> None:
    own, other = boards
    other.metrics.count("/ping", 200)
    other.tell(images=5, fetches=2, is_faulty=True)
    assert own.is_serving(1)
    own.clear(1)
    assert not own.is_serving(1)
    assert own.find_fault() is None
    page = page_of(own)
    assert (page["imgclf_requests_total"], page["imgclf_waiting_images"], page["imgclf_processes"]) == (
        1,
        0,
        0,
    )


def test_a_fault_of_one_process_is_known_to_all(boards: tuple[Board, Board]) -> None:
    own, other = boards
    own.tell(images=0, fetches=0, is_faulty=False)
    other.tell(images=0, fetches=0, is_faulty=True)
    assert own.find_fault() == "the engine of process 2 is at fault: its log says why"
    assert page_of(own)["imgclf_healthy"] == 0
    other.tell(images=0, fetches=0, is_faulty=False)
    assert own.find_fault() is None
    assert page_of(own)["imgclf_healthy"] == 1


def test_a_process_that_does_not_move_is_a_fault_until_it_does(
    boards: tuple[Board, Board], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(figures.time, "monotonic", lambda: now)
    own, other = boards
    assert own.find_fault() is None  # neither serves yet
    other.tell(images=0, fetches=0, is_faulty=False)
    now += figures.SILENT_S + 1
    own.tell(images=0, fetches=0, is_faulty=False)
    assert own.find_fault() == "process 2 has not moved for 30 s"
    other.tell(images=0, fetches=0, is_faulty=False)
    assert own.find_fault() is None


def test_a_process_alone_needs_no_file() -> None:
    board = Board()
    board.metrics.count("/ping", 200)
    board.tell(images=1, fetches=0, is_faulty=False)
    assert page_of(board)["imgclf_waiting_images"] == 1
    assert page_of(board)["process_resident_memory_bytes"] > 1e6
