"""Read recorded traffic, to send it again or to simulate it. Pure but for the one file.

Two formats, both CSV with a header line, by which they are told apart:

    second,requests     requests in each second after the start; seconds that are left out had none
    offset_s            one request a line, its seconds after the start, in order

A file has at most MAX_BYTES, so that one holds it in memory.
"""

import csv
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from musher.errors import TrafficError
from musher.traffic.profiles import MAX_DURATION_S, MAX_RATE

MAX_BYTES = 256 * 2**20

COUNTS_HEADER = ["second", "requests"]
ARRIVALS_HEADER = ["offset_s"]


@dataclass(frozen=True, kw_only=True)
class CountsTrace:
    """A profile of recorded counts: requests in each second."""

    counts: Sequence[int]

    @property
    def duration_s(self) -> float:
        """Return the recorded seconds."""
        return float(len(self.counts))

    def rate_at(self, offset_s: float) -> float:
        """Return the requests of the second that a moment lies in."""
        return float(self.counts[min(int(offset_s), len(self.counts) - 1)])


@dataclass(frozen=True, kw_only=True)
class ArrivalsTrace:
    """Recorded moments of requests, in seconds after the start."""

    offsets_s: Sequence[float]

    @property
    def duration_s(self) -> float:
        """Return the moment of the last one."""
        return self.offsets_s[-1]


def read_trace(path: Path) -> CountsTrace | ArrivalsTrace:
    """Read a trace file; raise TrafficError naming the line that is wrong."""
    if not path.is_file():
        raise TrafficError(f"{path} is no file. Name a trace: a CSV file with the header second,requests.")
    if path.stat().st_size > MAX_BYTES:
        raise TrafficError(f"{path} has over {MAX_BYTES} bytes. Cut it, or give counts instead of arrivals.")
    with path.open(newline="", encoding="utf-8") as file:
        try:
            return parse_trace(file, name=str(path))
        except (UnicodeDecodeError, csv.Error) as error:
            raise TrafficError(f"{path} is no CSV file in UTF-8: {error}.") from None


def parse_trace(lines: Iterable[str], *, name: str) -> CountsTrace | ArrivalsTrace:
    """Read a trace's lines; `name` stands in errors."""
    rows = csv.reader(lines)
    header = [cell.strip() for cell in next(rows, [])]
    if header == COUNTS_HEADER:
        return CountsTrace(counts=_read_counts(rows, name))
    if header == ARRIVALS_HEADER:
        return ArrivalsTrace(offsets_s=_read_offsets(rows, name))
    raise TrafficError(f"{name} begins with {','.join(header)!r}. Begin it with second,requests or offset_s.")


def _read_counts(rows: Iterator[list[str]], name: str) -> Sequence[int]:
    counts = array("l")
    for line, cells in enumerate(rows, start=2):
        second, requests = (_whole(cells, column, name, line) for column in (0, 1))
        if second < len(counts) or second >= MAX_DURATION_S:
            raise TrafficError(f"{name}:{line}: second {second} is out of order, or too late.")
        if requests > MAX_RATE:
            raise TrafficError(f"{name}:{line}: {requests} requests in a second. At most {MAX_RATE:.0f}.")
        counts.extend([0] * (second - len(counts)))
        counts.append(requests)
    if not counts:
        raise TrafficError(f"{name} holds no seconds.")
    return counts


def _read_offsets(rows: Iterator[list[str]], name: str) -> Sequence[float]:
    offsets = array("d")
    for line, cells in enumerate(rows, start=2):
        offset = _number(cells, 0, name, line)
        if offset < (offsets[-1] if offsets else 0.0) or not offset <= MAX_DURATION_S:
            raise TrafficError(f"{name}:{line}: {offset} s is out of order, or too late.")
        offsets.append(offset)
    if not offsets:
        raise TrafficError(f"{name} holds no requests.")
    return offsets


def _number(cells: list[str], column: int, name: str, line: int) -> float:
    try:
        return float(cells[column])
    except (ValueError, IndexError):
        raise TrafficError(f"{name}:{line}: {','.join(cells)!r} lacks a number.") from None


def _whole(cells: list[str], column: int, name: str, line: int) -> int:
    number = _number(cells, column, name, line)
    if not (number >= 0 and number < 2**53 and number == int(number)):
        raise TrafficError(f"{name}:{line}: {cells[column]!r} is no whole number of 0 or more.")
    return int(number)
