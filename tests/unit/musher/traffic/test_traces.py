"""Trace files: both formats, and each line that is none."""

from pathlib import Path

import pytest

from musher.errors import TrafficError
from musher.traffic.traces import ArrivalsTrace, CountsTrace, parse_trace, read_trace


def test_counts_of_seconds_are_read_and_gaps_had_none() -> None:
    trace = parse_trace(["second,requests\n", "0,5\n", "3,2\n"], name="t.csv")
    assert isinstance(trace, CountsTrace)
    assert list(trace.counts) == [5, 0, 0, 2]
    assert trace.duration_s == 4
    assert [trace.rate_at(offset) for offset in (0.99, 1.5, 3.2, 4.0)] == [5, 0, 2, 2]


def test_moments_are_read() -> None:
    trace = parse_trace(["offset_s\n", "0.25\n", "1.5\n"], name="t.csv")
    assert isinstance(trace, ArrivalsTrace)
    assert list(trace.offsets_s) == [0.25, 1.5]
    assert trace.duration_s == 1.5


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "Begin it with"),
        (["time,hits", "1,2"], "time,hits"),
        (["second,requests"], "holds no seconds"),
        (["offset_s"], "holds no requests"),
        (["second,requests", "1,2", "1,3"], "t.csv:3: second 1 is out of order"),
        (["second,requests", "1"], "t.csv:2"),
        (["second,requests", "1,x"], "lacks a number"),
        (["second,requests", "1,2.5"], "no whole number"),
        (["second,requests", "-1,2"], "no whole number"),
        (["second,requests", "nan,2"], "no whole number"),
        (["second,requests", "9999999,2"], "too late"),
        (["second,requests", "0,9999999"], "At most"),
        (["offset_s", "2", "1"], "t.csv:3: 1.0 s is out of order"),
        (["offset_s", "nan"], "out of order"),
        (["offset_s", "inf"], "too late"),
    ],
)
def test_a_wrong_line_is_named(lines: list[str], says: str) -> None:
    with pytest.raises(TrafficError, match=says):
        parse_trace(lines, name="t.csv")


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("offset_s\n0.5\n")
    assert read_trace(path).duration_s == 0.5


def test_a_missing_file_and_a_file_of_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrafficError, match="is no file"):
        read_trace(tmp_path / "none.csv")
    path = tmp_path / "bytes.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TrafficError, match="no CSV file"):
        read_trace(path)
