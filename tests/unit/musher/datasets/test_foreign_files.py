"""Bytes that are no photo are named for what they are."""

import io

import pytest
from PIL import Image

from musher.datasets.foreign_files import identify


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty (0 bytes)"),
        (encoded("GIF"), "is a GIF image"),
        (encoded("BMP"), "is a BMP image"),
        (encoded("TIFF"), "is a TIFF or raw image"),
        (encoded("PPM"), "is a PNM image"),
        (encoded("AVIF"), "is an AVIF image"),
        (b"\0\0\0\x24ftypmif1", "is a HEIC photo"),
        (b"%PDF-1.7", "is a PDF"),
        (b"PK\x03\x04", "is a zip"),
        (b"\0\x05\x16\x07", "holds macOS metadata only"),
        (b"  <HTML><body>404", "is a web page"),
        (b"<?xml version='1.0'?><Error>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "is a Git LFS pointer"),
    ],
)
def test_what_it_is_and_what_to_do(data: bytes, reason: str) -> None:
    found = identify(data)
    assert found is not None
    assert found.reason == reason
    assert found.remedy.endswith((".", ")."))


@pytest.mark.parametrize(
    "data", [encoded("JPEG"), encoded("PNG"), encoded("WEBP"), b"hello", b"P6x", b"\0" * 20]
)
def test_photos_and_what_nobody_knows_are_not_named(data: bytes) -> None:
    assert identify(data) is None
