"""Each entry of the log is one line of JSON, whatever is in it."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from types import SimpleNamespace

import pytest

from imgclf.serving import logs
from imgclf.serving.logs import MAX_CHARACTERS, InvocationLog, JsonLines, shorten
from tests.objections import objection


def entry(message: str, *arguments: object, **options: object) -> dict[str, object]:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, message, arguments, None)
    record.__dict__.update(options)
    line = JsonLines().format(record)
    assert "\n" not in line
    found: dict[str, object] = json.loads(line)
    return found


def test_an_entry_has_time_level_message_and_fields() -> None:
    found = entry("served %d", 7, fields={"status": 200})
    assert (found["level"], found["message"], found["status"]) == ("INFO", "served 7", 200)
    assert str(found["time"]).endswith("+00:00")


def test_what_a_request_brought_forges_no_line() -> None:
    assert (
        entry("a", fields={"reason": '\n{"level": "ERROR"}\u2028'})["reason"] == '\n{"level": "ERROR"}\u2028'
    )


def test_an_exception_is_part_of_its_line() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        assert "ValueError: no" in str(entry("failed", exc_info=sys.exc_info())["exception"])


def test_texts_of_requests_are_cut() -> None:
    assert len(shorten("x" * 10_000)) == MAX_CHARACTERS


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what is written to the log, by calls."""
    found: list[str] = []
    stream = SimpleNamespace(write=found.append, flush=lambda: None)
    monkeypatch.setattr(logs, "sys", SimpleNamespace(stdout=stream))
    caplog.set_level(logging.INFO, logger=logs.logger.name)
    return found


async def note(count: int, content_type: str = "image/png", reason: str | None = None) -> None:
    """Log invocations in one turn of the event loop."""
    log = InvocationLog()
    for _ in range(count):
        log.note(status=400, seconds=0.12345, content_type=content_type, received=7, reason=reason)
    await asyncio.sleep(0)


def test_invocations_of_one_turn_are_written_at_once_with_all_their_fields(written: list[str]) -> None:
    asyncio.run(note(3, reason="no"))
    [text] = written
    entries = [json.loads(line) for line in text.splitlines()]
    times = [entry.pop("time") for entry in entries]
    assert all(len(time) == 29 and time.endswith("+00:00") for time in times)
    fields = {"status": 400, "seconds": 0.1235, "content_type": "image/png", "received_bytes": 7}
    assert entries == 3 * [{"level": "INFO", "message": "invocation", **fields, "reason": "no"}]


def test_what_an_invocation_brought_forges_no_line(written: list[str]) -> None:
    bad = '"}\n{"level": "ERROR"}\u2028'
    asyncio.run(note(1, content_type=bad, reason=bad))
    [line] = "".join(written).splitlines()
    entry = json.loads(line)
    assert (entry["content_type"], entry["reason"]) == (bad, bad)


def test_no_more_is_written_at_once_than_stays_whole_beside_other_processes(written: list[str]) -> None:
    asyncio.run(note(50, reason="\u2028" * 1000))
    assert all(len(text) <= 4096 and text.endswith("\n") for text in written)
    assert sum(text.count("\n") for text in written) == 50


def test_a_log_that_nobody_reads_stops_no_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: str) -> None:
        raise BrokenPipeError

    stream = SimpleNamespace(write=fail, flush=lambda: None)
    monkeypatch.setattr(logs, "sys", SimpleNamespace(stdout=stream))
    caplog.set_level(logging.INFO, logger=logs.logger.name)
    assert objection(asyncio.run, note(1)) is None
