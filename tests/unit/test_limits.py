"""docs/limits.md is the one place for size limits: every number there is the code's."""

import ast
import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "limits.md").read_text()
NAMED = re.findall(r"^\| ([^|]+) \| ([\d,]+) \| `([^`]+)` `([^`]+)` \|", PAGE, re.MULTILINE)
"""Rows that name a constant: what it limits, number, file, name."""


def constant(file: str, name: str) -> Any:
    """Return the value of a module's constant without importing the module."""
    for node in ast.parse((ROOT / file).read_text()).body:
        if isinstance(node, ast.Assign) and name in [getattr(target, "id", "") for target in node.targets]:
            return eval(compile(ast.Expression(node.value), file, "eval"), {})  # noqa: S307 - our own source
    raise AssertionError(f"{file} has no constant {name}")


def photo_limit(name: str) -> Any:
    return constant("training/imgclf/images/limits.py", name)


@pytest.mark.parametrize(("what", "number", "file", "name"), NAMED, ids=[row[0] for row in NAMED])
def test_each_number_of_the_page_is_the_codes(what: str, number: str, file: str, name: str) -> None:
    assert constant(file, name) == int(number.replace(",", "")), what


def test_the_page_names_every_place_that_takes_an_image() -> None:
    files = {file for _, _, file, _ in NAMED}
    assert {name.split("/")[0] for name in files} == {"plugins", "training", "lambda", "localaws"}
    assert len(NAMED) >= 8


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_pixels_of_each_format_stand_on_the_page(kind: str) -> None:
    assert re.search(rf"^\| {kind}\b.* \| {photo_limit('MAX_PIXELS')[kind]:,} \|", PAGE, re.MULTILINE | re.I)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MAX_SAMPLES", "{:,} samples"),
        ("MAX_SCANS", "{} scans"),
        ("MAX_SEGMENTS", "{:,} segments"),
        ("MAX_CHUNKS", "{:,} chunks"),
        ("MAX_PACKED_TEXTS", "{} compressed or international texts"),
        ("MAX_SIDE", "{:,} pixels on a side"),
    ],
)
def test_the_other_limits_of_a_photo_stand_on_the_page(name: str, text: str) -> None:
    assert text.format(photo_limit(name)) in PAGE


@pytest.mark.parametrize(
    "name",
    [
        "FORMATS",
        "MAX_PIXELS",
        "MAX_SIDE",
        "MAX_SAMPLES",
        "MAX_SCANS",
        "MAX_BYTES_OF_AN_IMAGE",
        "MAX_TEXT_BYTES",
    ],
)
def test_staging_takes_what_training_takes(name: str) -> None:
    assert constant("plugins/musher/datasets/images.py", name) == photo_limit(name)


@pytest.mark.parametrize(
    "name", ["MAX_SEGMENTS", "MAX_JUNK_BYTES", "MAX_EXIF_BYTES", "MAX_CHUNKS", "MAX_PACKED_TEXTS"]
)
def test_staging_takes_files_put_together_as_training_takes_them(name: str) -> None:
    assert constant("plugins/musher/datasets/file_structure.py", name) == photo_limit(name)


def test_what_sagemaker_lets_through_is_taken_and_nothing_else() -> None:
    """botocore's model of InvokeEndpoint is AWS's own."""
    model = botocore.session.get_session().get_service_model("sagemaker-runtime")
    limit = model.shape_for("BodyBlob").metadata["max"]
    assert constant("training/imgclf/serving/bodies.py", "MAX_BODY_BYTES") == limit


def test_times_and_counts_of_requests_stand_on_the_page() -> None:
    serving = "training/imgclf/serving"
    assert f"| {constant(f'{serving}/protocol.py', 'HEAD_TIMEOUT_S'):.0f} s | 408, closed |" in PAGE
    assert f"| {constant(f'{serving}/bodies.py', 'MAX_SENDERS')} | the slowest sender" in PAGE
    slots, waiting = (constant(f"{serving}/asgi.py", name) for name in ("FETCH_THREADS", "MAX_FETCHES"))
    assert f"| {slots}; {waiting} | 503, `Retry-After: 1` |" in PAGE
    assert f"| {constant(f'{serving}/engine.py', 'MAX_IMAGES')} | 503, `Retry-After: 1` |" in PAGE
    assert f"| {constant(f'{serving}/asgi.py', 'DEADLINE_S'):.0f} s | 503, `Retry-After: 5` |" in PAGE
    assert f"| {constant(f'{serving}/questions.py', 'MAX_JSON_VALUES'):,} | 400 |" in PAGE
    assert f"| {constant(f'{serving}/questions.py', 'MAX_INSTANCES')} | 400 |" in PAGE
    assert f"| {constant(f'{serving}/fetch.py', 'TIMEOUT_S'):.0f} s | 424 |" in PAGE
