"""A JPEG's markers are read without decoding it."""

import io

import pytest
from PIL import Image

from musher.datasets.jpeg_scans import JpegMarkers, read_markers

EXIF_THUMBNAIL = b"\xff\xe1\x00\x10Exif\0\0\xff\xda\xff\xd9\xff\xda\0\0"


def jpeg(*, side: int = 64, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 90).convert("RGB").save(buffer, "JPEG", **options)
    return buffer.getvalue()


def markers(data: bytes, *, max_scans: int = 100) -> JpegMarkers:
    return read_markers(data, max_scans=max_scans)


def test_a_baseline_jpeg_has_one_scan() -> None:
    assert markers(jpeg()) == JpegMarkers(frame=0xC0, scans=1)


def test_a_progressive_jpeg_has_several() -> None:
    found = markers(jpeg(progressive=True))
    assert found.frame == 0xC2
    assert found.scans == jpeg(progressive=True).count(b"\xff\xda") > 5


def test_restart_markers_belong_to_their_scan() -> None:
    data = jpeg(restart_marker_rows=1)
    assert b"\xff\xd0" in data
    assert markers(data).scans == 1


def test_a_thumbnail_is_not_counted() -> None:
    data = jpeg()
    assert markers(data[:2] + EXIF_THUMBNAIL + data[2:]) == JpegMarkers(frame=0xC0, scans=1)


def test_a_second_image_is_not_counted() -> None:
    assert markers(jpeg() + jpeg()).scans == 1


def test_fill_bytes_are_passed_over() -> None:
    data = jpeg()
    assert markers(data[:2] + b"\xff\xff\xff" + data[2:]) == JpegMarkers(frame=0xC0, scans=1)


def test_the_count_ends_above_the_limit() -> None:
    assert markers(jpeg(progressive=True), max_scans=3).scans == 4


@pytest.mark.parametrize("cut", range(0, 1200, 7))
def test_a_cut_jpeg_ends_the_count(cut: int) -> None:
    assert markers(jpeg()[:cut]).scans <= 1


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff\xe0\0\0" * 9, b"\xff" * 999])
def test_nonsense_has_no_scan(data: bytes) -> None:
    assert markers(data) == JpegMarkers(frame=None, scans=0)
