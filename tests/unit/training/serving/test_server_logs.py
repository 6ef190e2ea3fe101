"""Each entry of the log is one line of JSON, whatever is in it."""

from __future__ import annotations

import json
import logging
import sys

from imgclf.serving.logs import MAX_CHARACTERS, JsonLines, shorten


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
