"""Events of a stream lie in a file, and are read like a list."""

import gc
import threading
from pathlib import Path

import pytest
from moto.logs.models import LogEvent

from localaws.cloudwatch_logs import events as module
from localaws.cloudwatch_logs.events import CHUNK_BYTES, MARKED, TAIL_BYTES, EventFile

MANY = 3 * MARKED + 5


def make(number: int, message: str = "") -> LogEvent:
    return LogEvent(number + 1000, {"timestamp": number, "message": message or f"line {number}"})


@pytest.fixture
def events(tmp_path: Path) -> EventFile:
    """Return some events, most of which are in the file."""
    found = EventFile(tmp_path / "s.events")
    for number in range(MANY):
        found += [make(number, f"line {number} " + "é" * 100)]
    assert (tmp_path / "s.events").stat().st_size > TAIL_BYTES
    return found


def times(events: EventFile | list[LogEvent]) -> list[int]:
    return [event.timestamp for event in events]


def test_they_are_as_they_were(events: EventFile) -> None:
    assert len(events) == MANY
    assert times(events) == list(range(MANY))
    last = events[-1]
    assert (last.timestamp, last.ingestion_time) == (MANY - 1, MANY + 999)
    assert last.message == f"line {MANY - 1} " + "é" * 100
    numbers = [event.event_id for event in events]
    assert numbers == sorted(set(numbers))
    assert [event.event_id for event in events] == numbers, "reading makes no new ones"


@pytest.mark.parametrize(
    "part",
    [
        slice(0, 3),
        slice(-4, None),
        slice(250, 260),
        slice(5, 5),
        slice(9, 2),
        slice(0, 9, 3),
        slice(700, 9999),
    ],
)
def test_parts_are_those_of_a_list(events: EventFile, part: slice) -> None:
    assert times(events[part]) == list(range(MANY))[part]


def test_there_is_nothing_behind_the_end(events: EventFile) -> None:
    with pytest.raises(IndexError):
        events[MANY]
    assert not EventFile(Path("/nowhere"))


def test_times_and_order_are_known(tmp_path: Path) -> None:
    found = EventFile(tmp_path / "s")
    assert (found.first_time, found.last_time, found.is_sorted) == (None, None, True)
    found += [make(5), make(5), make(7)]
    assert (found.first_time, found.last_time, found.is_sorted) == (5, 7, True)
    found += [make(6)]
    assert (found.first_time, found.last_time, found.is_sorted) == (5, 7, False)
    found += [make(9)]
    assert not found.is_sorted


def test_fractions_of_a_millisecond_are_left_out(tmp_path: Path) -> None:
    """EventBridge's targets write them."""
    found = EventFile(tmp_path / "s")
    found += [LogEvent(1_700_000_000_000.75, {"timestamp": 1_700_000_000_000.5, "message": "m"})]  # type: ignore[arg-type]
    assert [(event.timestamp, event.ingestion_time) for event in found] == [(1_700_000_000_000,) * 2]


@pytest.mark.parametrize("message", ["x" * (3 * CHUNK_BYTES), "\ud800 half a pair", "a\nb\0c"])
def test_any_message_comes_back(tmp_path: Path, message: str) -> None:
    found = EventFile(tmp_path / "s")
    found += [make(1), make(2, message), make(3)]
    found += [make(4, "y" * TAIL_BYTES)]
    assert found[1].message == message
    assert times(found) == [1, 2, 3, 4]


def test_a_few_need_no_file_and_the_file_goes_with_its_stream(tmp_path: Path) -> None:
    found = EventFile(tmp_path / "s")
    found += [make(1)]
    assert list(tmp_path.iterdir()) == []
    found += [make(2, "x" * TAIL_BYTES)]
    assert len(list(tmp_path.iterdir())) == 1
    del found
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_what_comes_when_the_folder_has_gone_is_kept_in_memory(tmp_path: Path) -> None:
    found = EventFile(tmp_path / "gone" / "s")
    found += [make(1, "x" * TAIL_BYTES), make(2)]
    assert times(found) == [1, 2]


def test_a_full_disk_is_told_in_the_log_and_filled_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = EventFile(tmp_path / "s")
    monkeypatch.setattr(module, "RESERVE_BYTES", 1 << 62)
    found += [make(1, "x" * TAIL_BYTES)]
    for number in range(2, 9):
        found += [make(number)]
    assert [event.message for event in found][1:] == [module.FULL]
    monkeypatch.setattr(module, "RESERVE_BYTES", 0)
    found += [make(9)]
    assert times(found) == [1, 1, 9]


def test_readers_and_writers_do_not_meet(tmp_path: Path) -> None:
    found = EventFile(tmp_path / "s")

    def write() -> None:
        for number in range(2000):
            found.__iadd__([make(number, "x" * 200)])

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        seen = times(found)
        assert seen == list(range(len(seen)))
    writer.join()
    assert times(found) == list(range(2000))
