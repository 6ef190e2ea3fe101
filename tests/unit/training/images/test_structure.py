"""Files are judged by how they are put together before Pillow reads them piece by piece."""

from __future__ import annotations

import io
import struct
import time
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imgclf.errors import ImageError
from imgclf.images.decode import open_image
from imgclf.images.structure import check_chunks, count_scans, find_late_exif, find_webp_size
from tests.objections import objection

SECONDS = 0.5
"""Long for a refusal, and short beside what Pillow takes: 2 to 20 s."""


def to_file(kind: str, **options: Any) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize(("options", "scans"), [({}, 1), ({"progressive": True}, 10)])
def test_scans_are_counted(options: dict[str, Any], scans: int) -> None:
    assert count_scans(to_file("JPEG", **options)) == scans


def test_a_thumbnail_in_the_metadata_is_not_counted() -> None:
    exif = b"Exif\0\0" + to_file("JPEG", progressive=True)
    assert count_scans(to_file("JPEG", exif=exif)) == 1


@pytest.mark.parametrize("data", [b"", b"\xff", to_file("PNG"), to_file("WEBP")])
def test_other_bytes_have_no_scans(data: bytes) -> None:
    assert count_scans(data) == 0


def test_a_jpeg_cut_anywhere_is_counted_without_an_error() -> None:
    data = to_file("JPEG", progressive=True)
    counts = [count_scans(data[:end]) for end in range(len(data))]
    assert counts == sorted(counts)


def test_many_scans_are_refused() -> None:
    data = to_file("JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    with pytest.raises(ImageError, match="JPEG of more than 20 scans; save it as a baseline JPEG"):
        open_image(data[:-2] + data[last:-2] * 40 + b"\xff\xd9")


@pytest.mark.parametrize("frame", [0xC3, 0xC5, 0xC9, 0xCA, 0xCF])
def test_codings_that_no_browser_shows_are_refused(frame: int) -> None:
    data = to_file("JPEG").replace(b"\xff\xc0", bytes([0xFF, frame]), 1)
    with pytest.raises(ImageError, match=f"JPEG of coding 0x{frame:02X}, which no browser shows"):
        open_image(data)


@pytest.mark.parametrize(
    ("filler", "reason"),
    [
        (b"\xff\xfe\x00\x02", "JPEG of more than 2000 segments"),
        (b"\x00", "JPEG with more than 65536 stray bytes"),
        (b"\xff", "JPEG with more than 65536 stray bytes"),
    ],
)
def test_a_jpeg_of_many_small_pieces_is_refused_at_once(filler: bytes, reason: str) -> None:
    """Pillow alone took 3 to 20 s for these, with the interpreter's lock held."""
    data = to_file("JPEG")
    started = time.process_time()
    with pytest.raises(ImageError, match=reason):
        open_image(data[:2] + filler * (6_000_000 // len(filler)) + data[2:])
    assert time.process_time() - started < SECONDS


def test_a_png_of_many_empty_chunks_is_refused_at_once() -> None:
    data = to_file("PNG")
    started = time.process_time()
    with pytest.raises(ImageError, match="PNG of more than 50000 chunks"):
        open_image(data[:33] + png_chunk(b"IDAT", b"") * 500_000 + data[33:])
    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize("data", [b"", to_file("PNG"), to_file("PNG")[:50], to_file("JPEG")])
def test_other_files_have_few_chunks(data: bytes) -> None:
    assert objection(check_chunks, data) is None


def test_exif_data_is_found_behind_the_pixels_and_only_where_its_checksum_is_right() -> None:
    data = to_file("PNG")
    assert find_late_exif(data) is None
    assert find_late_exif(data[:-12] + png_chunk(b"eXIf", b"MM") + data[-12:]) == b"MM"
    assert find_late_exif(data[:-12] + b"\0\0\0\2eXIfMM????" + data[-12:]) is None
    assert find_late_exif(b"eXIf") is None
    assert find_late_exif(data + b"eXIf") is None


@pytest.mark.parametrize(
    "options", [{"quality": 50}, {"lossless": True}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}]
)
def test_the_size_of_a_webp_is_read_before_pillow_copies_it(options: dict[str, Any]) -> None:
    data = to_file("WEBP", **options)
    assert find_webp_size(data) == (60, 40)
    assert find_webp_size(data[:29]) == (0, 0)


@pytest.mark.parametrize("data", [b"", to_file("PNG"), b"RIFF????WEBPVP9 " + bytes(20)])
def test_other_bytes_have_no_webp_size(data: bytes) -> None:
    assert find_webp_size(data) == (0, 0)


def test_a_jpeg_with_more_exif_than_a_camera_writes_is_refused() -> None:
    segment = b"\xff\xe1" + (65_533).to_bytes(2, "big") + b"Exif\0\0" + bytes(65_525)
    jpeg = to_file("JPEG")
    assert count_scans(jpeg[:2] + segment * 2 + jpeg[2:]) == 1
    with pytest.raises(ImageError, match="JPEG with more than 128 KiB of EXIF; save it"):
        count_scans(jpeg[:2] + segment * 3 + jpeg[2:])
