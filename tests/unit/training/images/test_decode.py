"""Untrusted bytes become upright RGB images or a refusal."""

from __future__ import annotations

import importlib
import io
import struct
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from imgclf.errors import ImageError
from imgclf.images import decode
from imgclf.images.decode import check_image, open_image
from imgclf.images.limits import MAX_BYTES_OF_AN_IMAGE, MAX_PIXELS, WEBP_BYTES
from tests.objections import objection

GREYS = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def pixels_of(data: bytes, *, side: float = 1, wanted: int = 1) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return (H, W, 3) of an image file, at its own size unless asked otherwise."""
    return open_image(data).decode(side=side, wanted=wanted).transpose(1, 2, 0)


def to_jpeg(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def photo(width: int, height: int) -> Image.Image:
    """Return a smooth colour image with some edges, as photos have."""
    rows, columns = np.mgrid[0:height, 0:width] / 40
    waves = [np.sin(rows + shift) * np.cos(columns * (1 + shift)) for shift in range(3)]
    return Image.fromarray(
        ((np.stack(waves, 2) + 1) * 110 + (rows + columns > 5)[..., None] * 30).astype(np.uint8)
    )


def to_png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def bomb_png(side: int) -> bytes:
    """Return a tiny PNG whose header claims side x side pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_each_served_format_is_decoded(make_image: Callable[..., bytes], kind: str) -> None:
    pixels = pixels_of(make_image(kind=kind))
    assert (pixels.shape, pixels.dtype) == ((16, 20, 3), np.uint8)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF"])
def test_other_formats_are_refused(make_image: Callable[..., bytes], kind: str) -> None:
    with pytest.raises(ImageError, match="not an image") as raised:
        open_image(make_image(kind=kind))
    assert raised.value.status == 400


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("side", [1, 10_000])
def test_a_truncated_image_is_refused(make_image: Callable[..., bytes], kind: str, side: int) -> None:
    data = make_image(size=(64, 64), kind=kind)
    with pytest.raises(ImageError, match="image"):
        pixels_of(data[: len(data) // 2], side=side)
    with pytest.raises(ImageError, match="image"):
        check_image(data[: len(data) // 2])
    check_image(data)


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff\xd8\xff"])
def test_bytes_that_are_no_image_are_refused(data: bytes) -> None:
    with pytest.raises(ImageError, match="send a whole"):
        open_image(data)


@pytest.mark.parametrize("side", [5_001, 10_000, 12_000, 30_000])
def test_a_decompression_bomb_is_refused_by_its_header(side: int) -> None:
    """Our own limit, Pillow's warning and Pillow's error all end as the same refusal."""
    with pytest.raises(ImageError, match="pixels"):
        open_image(bomb_png(side))


def claim(data: bytes, width: int, height: int, *, frame: bytes = b"\xff\xc0") -> bytes:
    """Return a small JPEG whose header claims another size."""
    claiming = bytearray(data)
    start = claiming.index(frame)
    claiming[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(claiming)


@pytest.mark.parametrize("claimed", [(11_000, 11_000), (65_500, 1_900)])
def test_a_jpeg_bomb_is_refused_by_its_header(claimed: tuple[int, int]) -> None:
    with pytest.raises(
        ImageError, match=r"JPEG image of \d+ x \d+ pixels: more than 120000000 in all|exceeds"
    ):
        open_image(claim(to_jpeg(photo(16, 16)), *claimed))


def test_a_format_that_cannot_be_reduced_has_fewer_pixels_and_the_refusal_names_jpeg() -> None:
    reason = "PNG image of 5001 x 5001 pixels: more than 25000000 in all; send a smaller one, or a JPEG"
    with pytest.raises(ImageError, match=reason):
        open_image(bomb_png(5_001))
    assert open_image(bomb_png(5_000)).size == (5_000, 5_000)


def test_a_webp_has_the_fewest_pixels(make_image: Callable[..., bytes]) -> None:
    data = bytearray(make_image(kind="WEBP"))
    start = data.index(b"\x9d\x01\x2a")
    data[start + 3 : start + 7] = struct.pack("<HH", 3_500, 3_500)
    with pytest.raises(ImageError, match="WEBP image of 3500 x 3500 pixels: more than 12000000 in all"):
        open_image(bytes(data))


def test_a_webp_whose_file_is_large_too_has_fewer_pixels_still(make_image: Callable[..., bytes]) -> None:
    """Pillow copies the file twice."""
    data = bytearray(make_image(kind="WEBP"))
    start = data.index(b"\x9d\x01\x2a")
    data[start + 3 : start + 7] = struct.pack("<HH", 4_000, 3_000)
    assert open_image(bytes(data)).size == (4_000, 3_000)
    with pytest.raises(ImageError, match=r"pixels and 5000\d+ bytes: more than 200000000 bytes of memory"):
        open_image(bytes(data) + bytes(5_000_000))


def test_a_phones_jpeg_of_several_pictures_is_its_first() -> None:
    """Pillow calls it an MPO, whatever formats it was asked for."""
    buffer = io.BytesIO()
    photo(60, 40).save(buffer, "MPO", save_all=True, append_images=[photo(30, 20)])
    image = open_image(buffer.getvalue())
    assert image.header.format == "MPO"
    assert image.scans == 1
    assert image.decode(side=1, wanted=1).shape == (3, 40, 60)


def test_a_row_of_pixels_is_no_image() -> None:
    """Pillow keeps a pointer for each row: 1 x 25,000,000 pixels would take 300 MB."""
    header = bomb_png(1).replace(struct.pack(">II", 1, 1), struct.pack(">II", 1, 70_000))
    start = header.index(b"IHDR")
    checksum = struct.pack(">I", zlib.crc32(header[start : start + 17]))
    with pytest.raises(ImageError, match="1 x 70000 pixels: more than 65535 on a side"):
        open_image(header[: start + 17] + checksum + header[start + 21 :])


@pytest.mark.parametrize(
    ("options", "side"),
    [({"subsampling": 2}, 7_072), ({"subsampling": 0}, 5_001), ({}, 10_000)],
)
def test_a_progressive_jpeg_is_limited_by_what_it_keeps_until_its_last_scan(
    options: dict[str, Any], side: int
) -> None:
    progressive = to_jpeg(photo(16, 16), progressive=True, **options)
    with pytest.raises(ImageError, match="more than 75000000 samples in all; send a smaller one, or a basel"):
        open_image(claim(progressive, side, side, frame=b"\xff\xc2"))
    baseline = open_image(claim(to_jpeg(photo(16, 16), **options), side, side))
    assert baseline.size == (side, side)


def test_a_large_jpeg_is_reduced_until_it_fits_whatever_size_is_wanted() -> None:
    image = open_image(claim(to_jpeg(photo(16, 16)), 10_000, 10_000))
    assert image.decoding_bytes(1) > MAX_BYTES_OF_AN_IMAGE > image.decoding_bytes(2)
    whole = open_image(claim(to_jpeg(photo(16, 16), progressive=True), 7_000, 7_000, frame=b"\xff\xc2"))
    assert whole.decoding_bytes(2) > MAX_BYTES_OF_AN_IMAGE > whole.decoding_bytes(4)


@pytest.mark.parametrize("side", [1, 10_000])
def test_no_image_takes_more_than_the_share_it_was_given(make_image: Callable[..., bytes], side: int) -> None:
    for image in (
        bomb_png(5_000),
        claim(to_jpeg(photo(16, 16)), 10_954, 10_954),
        claim(to_jpeg(photo(16, 16), progressive=True, subsampling=0), 5_000, 5_000, frame=b"\xff\xc2"),
    ):
        assert open_image(image).decoding_bytes(8) <= MAX_BYTES_OF_AN_IMAGE
    assert WEBP_BYTES * MAX_PIXELS["WEBP"] <= MAX_BYTES_OF_AN_IMAGE


def test_a_jpeg_with_more_pixels_than_its_first_header_is_not_decoded() -> None:
    """The fast decoder gets memory for what Pillow read: two readers of one header must not disagree."""
    small, large = to_jpeg(photo(16, 16)), to_jpeg(photo(64, 64))
    image = open_image(small)
    lying = decode.EncodedImage(data=large, header=image.header, orientation=1, scans=1)
    assert lying.decode(side=1, wanted=1).shape == (3, 16, 16)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 40}])
@pytest.mark.parametrize("reduction", [1, 2, 4, 8])
def test_a_jpeg_has_the_pixels_that_pillow_gives_it(options: dict[str, Any], reduction: int) -> None:
    data = to_jpeg(photo(203, 101), **options)
    with Image.open(io.BytesIO(data)) as expected:
        expected.draft("RGB", (203 // reduction, 101 // reduction))
        ours = pixels_of(data, side=reduction * decode.REDUCED_MARGIN, wanted=1)
        assert np.array_equal(ours, np.asarray(expected))


def test_a_jpeg_keeps_a_margin_above_the_wanted_size() -> None:
    data = to_jpeg(photo(400, 300))
    sizes = [pixels_of(data, side=1200, wanted=wanted).shape[:2] for wanted in (151, 150, 76, 75, 30)]
    assert sizes == [(300, 400), (150, 200), (150, 200), (75, 100), (38, 50)]


def test_a_flaw_that_pillow_forgives_is_forgiven() -> None:
    """Bytes between two segments: simplejpeg objects, Pillow and browsers show the picture."""
    data = to_jpeg(photo(32, 32))
    scan = data.index(b"\xff\xda")
    flawed = data[:scan] + b"\x00\x00" + data[scan:]
    image = open_image(flawed)
    assert image._decode_jpeg(1) is None
    assert np.array_equal(pixels_of(flawed), pixels_of(data))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_exif_orientation_is_applied_as_pillow_does(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    photo(24, 16).save(buffer, kind, exif=exif)
    with Image.open(buffer) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert open_image(buffer.getvalue()).size == expected.shape[1::-1]
    assert np.array_equal(pixels_of(buffer.getvalue()), expected)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff"])
def test_damaged_exif_counts_as_none(exif: bytes) -> None:
    assert pixels_of(to_jpeg(photo(8, 4), exif=exif)).shape == (4, 8, 3)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("size", [(5, 90), (90, 5), (1, 1), (7, 7)])
def test_a_strip_thinner_than_the_reduction_is_an_image(mode: str, size: tuple[int, int]) -> None:
    assert objection(check_image, to_jpeg(photo(*size).convert(mode))) is None


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_jpegs_become_rgb(mode: str) -> None:
    image = photo(24, 16).convert(mode)
    with Image.open(io.BytesIO(to_jpeg(image))) as expected:
        assert np.array_equal(pixels_of(to_jpeg(image)), np.asarray(expected.convert("RGB")))


def test_grey_becomes_rgb() -> None:
    expected = np.repeat(GREYS[..., None], 3, axis=2)
    assert np.array_equal(pixels_of(to_png(Image.fromarray(GREYS))), expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "RGB", "RGBA"])
def test_tiles_are_joined_as_the_whole_image_would_be(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = photo(50, 30).convert("L").convert(mode) if mode == "I;16" else photo(50, 30).convert(mode)
    whole = pixels_of(to_png(image))
    monkeypatch.setattr(decode, "TILE_SIDE", 7)
    assert np.array_equal(pixels_of(to_png(image)), whole)


def test_the_orientation_of_a_png_may_stand_after_its_pixels() -> None:
    """Pillow's own look behind the pixels decodes them all, before their size is judged."""
    exif = Image.Exif()
    exif[0x0112] = 6
    chunk = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    late = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    data = to_png(photo(24, 16))
    image = open_image(data[:-12] + late + data[-12:])
    assert image.size == (16, 24)
    assert image.header._im is None, "the pixels were decoded"
    assert open_image(data[:-12] + late[:-1] + b"?" + data[-12:]).size == (24, 16)


def test_a_png_full_of_packed_text_is_refused() -> None:
    text = b"zTXtk\0\0" + zlib.compress(bytes(1_000_000))
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    data = to_png(photo(24, 16))
    assert open_image(data[:33] + chunk * 8 + data[33:]).size == (24, 16)
    with pytest.raises(ImageError, match="text chunks"):
        open_image(data[:33] + chunk * 9 + data[33:])


def test_odd_metadata_leave_nothing_behind() -> None:
    """Python keeps the text of each warning that it shows, and a stranger can make any number of them."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        importlib.reload(decode)
        shown: list[object] = []
        warnings.showwarning = lambda *found, **_: shown.append(found)  # restored with the filters
        for place in range(50):
            exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", place, 2, 9_999, 8)
            assert decode.open_image(to_jpeg(photo(8, 4), exif=exif)).size == (8, 4)
    assert shown == []


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    image = Image.fromarray(np.full((4, 4), 0x8000, dtype=np.uint16))
    assert pixels_of(to_png(image))[0, 0].tolist() == [128, 128, 128]


def test_transparency_is_laid_on_white() -> None:
    assert pixels_of(to_png(Image.new("RGBA", (4, 4), (0, 0, 0, 0))))[0, 0].tolist() == [255] * 3
