"""DataProcessing: what of a record is sent, and what of record and answer is kept. Pure.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

import csv
import io
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

OUTPUT, INPUT = "SageMakerOutput", "SageMakerInput"
CSV, JSON = "text/csv", ("application/json", "application/jsonlines")


class DataProcessingError(Exception):
    """A record or an answer is not what the filters can read."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """How records are written."""

    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]
    join: Callable[[Any, Any], Any]
    """Make one record of a record and its answer."""


@dataclass(frozen=True, kw_only=True)
class DataProcessing:
    """The filters of one job."""

    input_filter: str
    output_filter: str
    is_joined: bool
    content_type: str | None

    @property
    def is_idle(self) -> bool:
        """Whether records and answers stay as they are."""
        return (self.input_filter, self.output_filter, self.is_joined) == ("$", "$", False)

    def narrow(self, record: bytes) -> bytes:
        """Return what of a record is sent."""
        if self.input_filter == "$":
            return record
        form = find_format(self.content_type)
        return form.write(select(self.input_filter, _read(form, record)))

    def finish(self, record: bytes, answer: bytes) -> bytes:
        """Return what is kept of a record and its answer."""
        if self.output_filter == "$" and not self.is_joined:
            return answer
        form = find_format(self.content_type)
        value = _read(form, answer)
        if self.is_joined:
            value = form.join(_read(form, record), value)
        return form.write(select(self.output_filter, value))


def find_format(content_type: str | None) -> Format:
    """Return how records of a content type are written; raises DataProcessingError for other types."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind == CSV:
        return Format(read=_read_csv, write=_write_csv, join=lambda record, answer: record + answer)
    if kind in JSON:
        return Format(read=json.loads, write=lambda value: json.dumps(value).encode(), join=_join_json)
    raise DataProcessingError(f"DataProcessing needs records of {CSV} or {' or '.join(JSON)}, not {kind!r}")


def _read(form: Format, text: bytes) -> Any:
    try:
        return form.read(text)
    except (ValueError, csv.Error, RecursionError) as error:
        raise DataProcessingError(f"DataProcessing cannot read {text[:80]!r}: {error}") from error


def _read_csv(text: bytes) -> list[str]:
    rows = list(csv.reader(io.StringIO(text.decode())))
    if len(rows) != 1:
        raise ValueError(f"it has {len(rows)} lines, not 1")
    return rows[0]


def _write_csv(value: Any) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(value if isinstance(value, list) else [value])
    return buffer.getvalue().encode()


def _join_json(record: Any, answer: Any) -> dict[str, Any]:
    """Return an object with one more member, or whatever else it is beside its answer."""
    if isinstance(record, dict):
        return record | {OUTPUT: answer}
    return {INPUT: record, OUTPUT: answer}


def check_path(path: str) -> None:
    """Raise DataProcessingError for what is no JSONPath."""
    try:
        _parse(path)
    except Exception as error:  # the library raises Exception itself for some texts
        raise DataProcessingError(f"{path!r} is not a JSONPath: {error}") from error


def _parse(path: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the library's own __version__
        from jsonpath_ng.parser import parse

    return parse(path)


def select(path: str, value: Any) -> Any:
    """Return what a JSONPath finds: a value; a list for several places; an object for several members."""
    if path == "$":
        return value
    parsed = _parse(path)
    found = parsed.find(value)
    last = getattr(parsed, "right", parsed)
    fields = getattr(last, "fields", ())
    if len(fields) > 1 or "*" in fields:
        return {str(match.path): match.value for match in found}
    indices = getattr(last, "indices", ())
    if (len(fields) == 1 or len(indices) == 1) and len(found) <= 1:
        if not found:
            raise DataProcessingError(f"{path} finds nothing in {json.dumps(value)[:80]}")
        return found[0].value
    return [match.value for match in found]
