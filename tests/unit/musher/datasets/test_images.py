"""Images are opened whole before anything is uploaded."""

import hashlib
import io
import zlib

import pytest
from PIL import Image

from musher.datasets import images
from musher.datasets.digits import encode_png
from musher.datasets.images import content_type, scan_photos, verify_image
from musher.datasets.layout import Photo
from musher.errors import DatasetSourceError, UnreadableImageError


def encoded(kind: str = "JPEG", mode: str = "RGB", side: int = 64) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 60).convert(mode).save(buffer, kind)
    return buffer.getvalue()


def photo(path: str, data: bytes) -> Photo:
    return Photo(path=path, size=len(data), read=lambda: data)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGB")],
)
def test_jpeg_png_and_webp_of_any_mode_are_accepted(kind: str, mode: str) -> None:
    verify_image(encoded(kind, mode))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a JPEG, PNG, WEBP image"),
        (b"<html>not found</html>", "not a JPEG, PNG, WEBP image"),
        (encoded("GIF"), "not a JPEG, PNG, WEBP image"),
        (encoded("TIFF"), "not a JPEG, PNG, WEBP image"),
        (encoded()[:-200], "truncated"),
        (encoded("PNG")[:-200], "truncated"),
        (encode_png(bytes(64), side=8).replace(b"IDAT", b"IDAX"), "not a JPEG, PNG, WEBP image"),
    ],
)
def test_anything_else_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImageError, match=reason):
        verify_image(data)


def test_a_small_png_with_very_many_pixels_is_refused() -> None:
    rows = zlib.compress(bytes(13_000 * 13_001), 9)
    bomb = encode_png(bytes(64), side=8)[:16] + (13_000).to_bytes(4, "big") * 2
    head = bomb[12:] + b"\x08\0\0\0\0"
    bomb = bomb[:12] + head + zlib.crc32(head).to_bytes(4, "big")
    bomb += len(rows).to_bytes(4, "big") + b"IDAT" + rows + zlib.crc32(b"IDAT" + rows).to_bytes(4, "big")
    with pytest.raises(UnreadableImageError, match=r"train/a/bomb.png: too many pixels .*decompression bomb"):
        scan_photos(photos=[photo("train/a/bomb.png", bomb)])


def test_a_scan_hashes_every_image_and_sorts_them() -> None:
    data = {"train/b/2.png": encoded("PNG"), "train/a/1.jpg": encoded()}
    scan = scan_photos(photos=[photo(path, image) for path, image in data.items()])
    assert [record.path for record in scan.records] == ["train/a/1.jpg", "train/b/2.png"]
    for record in scan.records:
        assert record.sha256 == hashlib.sha256(data[record.path]).hexdigest()
        assert record.bytes == len(data[record.path])


def test_unreadable_images_are_named_and_counted() -> None:
    photos = [photo(f"train/a/{number}.jpg", b"x") for number in range(7)] + [
        photo("train/a/g.jpg", encoded())
    ]
    with pytest.raises(UnreadableImageError) as caught:
        scan_photos(photos=photos)
    message = str(caught.value)
    assert message.startswith(
        "7 of 8 images cannot be read, and 0 may be left out: train/a/0.jpg: not a JPEG"
    )
    assert "and 2 more. Replace or delete these files" in message


def test_as_many_unreadable_images_as_allowed_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    photos = [photo("train/a/good.jpg", encoded()), photo("train/a/cut.jpg", encoded()[:-200])]
    scan = scan_photos(photos=photos, max_unreadable=1)
    assert [record.path for record in scan.records] == ["train/a/good.jpg"]
    assert len(scan.skipped) == 1
    assert "left out train/a/cut.jpg: image file is truncated" in caplog.text


def test_a_file_above_the_size_limit_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_IMAGE_BYTES", 10)
    too_large = Photo(path="train/a/1.jpg", size=11, read=_never)
    with pytest.raises(UnreadableImageError, match=r"train/a/1.jpg: 11 bytes, and 10 is the limit"):
        scan_photos(photos=[too_large])


def test_a_file_that_cannot_be_opened_is_named() -> None:
    def read() -> bytes:
        raise PermissionError(13, "Permission denied")

    with pytest.raises(UnreadableImageError, match=r"train/a/1.jpg: .*Permission denied"):
        scan_photos(photos=[Photo(path="train/a/1.jpg", size=3, read=read)])


def test_an_unreachable_source_is_not_an_unreadable_image() -> None:
    def read() -> bytes:
        raise ConnectionResetError("reset by peer")

    with pytest.raises(ConnectionResetError):
        scan_photos(photos=[Photo(path="train/a/1.jpg", size=3, read=read)], max_unreadable=1)


class Changing:
    """A file that is another image each time it is read."""

    def __init__(self) -> None:
        self.reads = 0

    def read(self) -> bytes:
        self.reads += 1
        return encoded(side=8 * self.reads)


@pytest.mark.parametrize("kept", [0, 10**6])
def test_what_is_packed_is_what_was_scanned(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "KEPT_BYTES", kept)
    file = Changing()
    scan = scan_photos(photos=[Photo(path="train/a/1.jpg", size=100, read=file.read)])
    if kept:
        assert hashlib.sha256(scan.load(scan.records[0])).hexdigest() == scan.records[0].sha256
    else:
        with pytest.raises(DatasetSourceError, match=r"train/a/1.jpg changed while it was being staged. Run"):
            scan.load(scan.records[0])
    assert file.reads == 1 + (kept == 0)


def test_no_more_than_the_limit_is_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "KEPT_BYTES", 250)
    files = {f"train/a/{number}.jpg": Changing() for number in range(4)}
    photos = [Photo(path=path, size=100, read=file.read) for path, file in files.items()]
    scan = scan_photos(photos=photos)
    for record in scan.records[2:]:
        with pytest.raises(DatasetSourceError):
            scan.load(record)
    for record in scan.records[:2]:
        scan.load(record)
    assert [file.reads for file in files.values()] == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("kind", "expected"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
)
def test_the_media_type_comes_from_the_bytes(kind: str, expected: str) -> None:
    assert content_type(encoded(kind)) == expected


def _never() -> bytes:
    raise AssertionError("read")
