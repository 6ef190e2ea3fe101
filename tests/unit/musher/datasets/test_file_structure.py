"""How a file is put together is read without decoding it."""

import io
import time
from typing import Any

import pytest
from PIL import Image

from musher.datasets.digits import encode_png
from musher.datasets.file_structure import MAX_CHUNKS, MAX_SEGMENTS, check_chunks, count_scans, find_webp_size
from musher.errors import UnreadableImageError

EXIF_THUMBNAIL = b"\xff\xe1\x00\x10Exif\0\0\xff\xda\xff\xd9\xff\xda\0\0"
COMMENT = b"\xff\xfe\x00\x03x"


def jpeg(*, side: int = 64, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 90).convert("RGB").save(buffer, "JPEG", **options)
    return buffer.getvalue()


def scans(data: bytes, *, max_scans: int = 32) -> int:
    return count_scans(data, max_scans=max_scans)


def test_a_baseline_jpeg_has_one_scan() -> None:
    assert scans(jpeg()) == 1


def test_a_progressive_jpeg_has_several() -> None:
    data = jpeg(progressive=True)
    assert scans(data) == data.count(b"\xff\xda") > 5


def test_restart_markers_belong_to_their_scan() -> None:
    data = jpeg(restart_marker_rows=1)
    assert b"\xff\xd0" in data
    assert scans(data) == 1


def test_a_thumbnail_and_a_second_image_are_not_counted() -> None:
    data = jpeg()
    assert scans(data[:2] + EXIF_THUMBNAIL + data[2:]) == 1
    assert scans(jpeg() + jpeg()) == 1


def test_fill_bytes_and_a_little_rubbish_are_passed_over() -> None:
    data = jpeg(progressive=True)
    assert scans(data[:2] + b"\xff\xff\xff" + data[2:]) == scans(data)
    assert scans(data[:2] + b"rubbish" + data[2:]) == scans(data)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:2] + bytes(70_000) + data[2:], "more than 65536 stray bytes in its header"),
        (lambda data: data[:2] + COMMENT * MAX_SEGMENTS + data[2:], "more than 2000 segments; save it anew"),
        (lambda data: data.replace(b"\xff\xc0", b"\xff\xc9"), "lossless or arithmetic coding; save it as"),
        (lambda data: data.replace(b"\xff\xc0", b"\xff\xc3"), "lossless or arithmetic coding; save it as"),
    ],
)
def test_an_odd_jpeg_is_refused(change: Any, words: str) -> None:
    with pytest.raises(UnreadableImageError, match=words):
        scans(change(jpeg()))


def test_too_many_scans_are_refused() -> None:
    with pytest.raises(UnreadableImageError, match="a JPEG of more than 3 scans; save it as a usual one"):
        scans(jpeg(progressive=True), max_scans=3)


@pytest.mark.parametrize("cut", range(0, 1200, 7))
def test_a_cut_jpeg_ends_the_count(cut: int) -> None:
    assert scans(jpeg()[:cut]) <= 1


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd8", b"\xff" * 999])
def test_nonsense_has_no_scan(data: bytes) -> None:
    assert scans(data) == 0


def test_large_files_are_judged_at_once() -> None:
    data = jpeg(progressive=True)
    started = time.process_time()
    scans(data[:-2] + b"\xff\x00" * 10_000_000)
    assert time.process_time() - started < 2


def test_a_png_of_too_many_chunks_is_refused() -> None:
    data = encode_png(bytes(64), side=8)
    check_chunks(data)
    with pytest.raises(UnreadableImageError, match="a PNG of more than 50000 chunks; save it anew"):
        check_chunks(data[:33] + (bytes(4) + b"tEXt" + bytes(4)) * MAX_CHUNKS + data[33:])
    check_chunks(b"other" * 200_000)


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0"}])
def test_a_webps_size_is_known_before_it_is_opened(options: Any) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((321, 123), 90).convert("RGB").save(buffer, "WEBP", **options)
    assert find_webp_size(buffer.getvalue()) == (321, 123)


@pytest.mark.parametrize("data", [b"", b"RIFF", jpeg(), b"RIFF0000WEBPVP8?" + bytes(40)])
def test_other_bytes_have_no_webp_size(data: bytes) -> None:
    assert find_webp_size(data) is None
