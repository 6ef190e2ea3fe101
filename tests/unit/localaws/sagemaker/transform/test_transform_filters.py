"""What of records and answers the filters keep; the cases are those of AWS's page on data processing."""

import json
from typing import Any

import pytest

from localaws.sagemaker.transform.filters import DataProcessing, DataProcessingError, check_path, select

JSON_LINES = "application/jsonlines"


def processing(content_type: str = "text/csv", **options: Any) -> DataProcessing:
    """Return filters that do nothing but what the options say."""
    given = {"input_filter": "$", "output_filter": "$", "is_joined": False} | options
    return DataProcessing(content_type=content_type, **given)


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("$", [1, 2], [1, 2]),
        ("$[1:]", [1, 2, 3], [2, 3]),
        ("$[-1]", [1, 2, 3], 3),
        ("$[0,-1]", [1, 2, 3], [1, 3]),
        ("$.a.b", {"a": {"b": [4]}}, [4]),
        ("$['id','x']", {"id": 1, "x": 2, "y": 3}, {"id": 1, "x": 2}),
        ("$.rows[*].a", {"rows": [{"a": 1}, {"a": 2}]}, [1, 2]),
    ],
)
def test_a_path_selects(path: str, value: Any, found: Any) -> None:
    assert select(path, value) == found


def test_columns_are_left_out_on_the_way_in_and_joined_on_the_way_out() -> None:
    filters = processing(input_filter="$[1:]", is_joined=True, output_filter="$[0,-1]")
    assert filters.narrow(b'id1,"a,b",3') == b'"a,b",3'
    assert filters.finish(b"id1,2,3", b"0.5") == b"id1,0.5"


def test_an_answer_becomes_a_member_of_its_record() -> None:
    filters = processing(JSON_LINES, input_filter="$.features", is_joined=True)
    record = b'{"id": 7, "features": [1, 2]}'
    assert filters.narrow(record) == b"[1, 2]"
    joined = {"id": 7, "features": [1, 2], "SageMakerOutput": {"label": "cat"}}
    assert json.loads(filters.finish(record, b'{"label": "cat"}')) == joined
    only = processing(JSON_LINES, is_joined=True, output_filter="$['id','SageMakerOutput']")
    assert json.loads(only.finish(record, b"1")) == {"id": 7, "SageMakerOutput": 1}


def test_a_record_that_is_no_object_stands_beside_its_answer() -> None:
    joined = processing(JSON_LINES, is_joined=True).finish(b'["a"]', b'["b"]')
    assert json.loads(joined) == {"SageMakerInput": ["a"], "SageMakerOutput": ["b"]}


def test_without_filters_bytes_stay_as_they_are() -> None:
    idle = processing("image/jpeg")
    assert idle.is_idle
    assert (idle.narrow(b"\xff"), idle.finish(b"\xff", b"\x00")) == (b"\xff", b"\x00")


@pytest.mark.parametrize(
    ("content_type", "record"), [("image/jpeg", b"x"), (JSON_LINES, b"{"), (JSON_LINES, b'{"b": 1}')]
)
def test_what_cannot_be_filtered_is_an_error(content_type: str, record: bytes) -> None:
    with pytest.raises(DataProcessingError):
        processing(content_type, input_filter="$.a").narrow(record)


def test_what_is_no_path_is_an_error() -> None:
    check_path("$.a[0]")
    with pytest.raises(DataProcessingError, match="is not a JSONPath"):
        check_path("$[[")


@pytest.mark.parametrize(
    ("content_type", "record"),
    [
        ("text/csv", b"a\nb"),
        ("text/csv", b""),
        ("text/csv", b"\xff"),
        ("text/csv", b'"' + b"a" * 200_000 + b'"'),
        (JSON_LINES, b"{"),
        (JSON_LINES, b""),
        (JSON_LINES, b"[" * 100_000),
    ],
    ids=["lines", "empty", "no UTF-8", "long field", "half", "nothing", "deep"],
)
def test_a_record_that_cannot_be_read_is_the_data_s_fault(content_type: str, record: bytes) -> None:
    with pytest.raises(DataProcessingError, match="DataProcessing cannot read"):
        processing(content_type, input_filter="$[0]").narrow(record)
