"""Images are opened whole before anything is uploaded."""

import hashlib
import io
import random
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image

from musher.datasets import images
from musher.datasets.digits import encode_png
from musher.datasets.images import content_type, scan_photos, verify_image
from musher.datasets.layout import Photo
from musher.errors import DatasetSourceError, UnreadableImageError
from tests.objections import objection


def encoded(kind: str = "JPEG", mode: str = "RGB", side: int = 64) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 60).convert(mode).save(buffer, kind)
    return buffer.getvalue()


def _plain(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), (9, 99, 199)).save(buffer, "PNG")
    return buffer.getvalue()


def photo(path: str, data: bytes) -> Photo:
    return Photo(path=path, size=len(data), read=lambda: data)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGB")],
)
def test_jpeg_png_and_webp_of_any_mode_are_accepted(kind: str, mode: str) -> None:
    assert objection(verify_image, encoded(kind, mode)) is None


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


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that claims a size; its data are those of 8 x 8 pixels."""
    data = encode_png(bytes(64), side=8)
    head = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + data[24:29]
    return data[:12] + head + zlib.crc32(head).to_bytes(4, "big") + data[33:]


def webp_header(width: int, height: int) -> bytes:
    """Return a lossless WebP's first bytes, which hold its size."""
    bits = (width - 1) | (height - 1) << 14
    chunk = b"VP8L" + (10).to_bytes(4, "little") + b"\x2f" + bits.to_bytes(4, "little") + bytes(5)
    return b"RIFF" + (len(chunk) + 4).to_bytes(4, "little") + b"WEBP" + chunk


def jpeg_header(width: int, height: int, *, data: bytes = b"") -> bytes:
    """Return a JPEG whose header claims another size; its data are those of a smaller image."""
    given = data or encoded(side=16)
    place = max(given.find(bytes([0xFF, frame])) for frame in (0xC0, 0xC2)) + 5
    return given[:place] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + given[place + 4 :]


def progressive(**options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 60).convert("RGB").save(buffer, "JPEG", progressive=True, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (png_header(5001, 5000), "5001 x 5000 pixels, and 25000000 in all are the limit for PNG; make it"),
        (webp_header(4000, 3001), "4000 x 3001 pixels, and 12000000 in all are the limit for WEBP"),
        (jpeg_header(12001, 10000), "12001 x 10000 pixels, and 120000000 in all are the limit for JPEG"),
        (jpeg_header(7100, 7100, data=progressive()), "a progressive JPEG of 7100 x 7100 pixels, 75615000"),
        (
            jpeg_header(5100, 5000, data=progressive(subsampling=0)),
            "76500000 values, and 75000000 are the limit; save it without `progressive`",
        ),
        (png_header(20000, 20000), "too many pixels"),
        (
            webp_header(4000, 3000) + bytes(5_000_000),
            "takes 202000060 bytes of memory, and 200000000 are the",
        ),
    ],
)
def test_an_image_above_the_limits_is_refused_by_its_header(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImageError, match=f"train/a/1: .*{reason}"):
        scan_photos(photos=[photo("train/a/1", data)])


@pytest.mark.parametrize("data", [jpeg_header(12000, 10000), jpeg_header(7000, 7000, data=progressive())])
def test_a_jpeg_at_the_limits_is_decoded(data: bytes) -> None:
    """What its data do not fill is grey."""
    assert len(scan_photos(photos=[photo("train/a/1.jpg", data)]).records) == 1


def test_a_webp_is_limited_by_its_file_too() -> None:
    """Pillow copies it twice."""
    buffer = io.BytesIO()
    Image.new("RGB", (3_900, 3_000)).save(buffer, "WEBP", method=0)
    verify_image(buffer.getvalue())
    with pytest.raises(UnreadableImageError, match="bytes of memory, and 200000000 are the limit; make it"):
        verify_image(buffer.getvalue() + bytes(7_000_000))


def test_a_row_of_pixels_is_no_photo() -> None:
    with pytest.raises(UnreadableImageError, match="1 x 65536 pixels, and 65535 are the limit on a side"):
        verify_image(png_header(1, 65_536))


def test_a_png_at_the_limit_is_decoded() -> None:
    with pytest.raises(UnreadableImageError, match="truncated"):
        verify_image(png_header(5000, 5000))


def test_a_jpeg_above_pillows_own_limit_is_accepted() -> None:
    buffer = io.BytesIO()
    Image.new("L", (10_000, 9_500), 128).save(buffer, "JPEG", quality=10)
    assert len(scan_photos(photos=[photo("train/a/1.jpg", buffer.getvalue())]).records) == 1


def test_a_jpeg_of_too_many_scans_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_SCANS", 5)
    with pytest.raises(UnreadableImageError, match="a JPEG of more than 5 scans; save it"):
        verify_image(progressive())
    verify_image(encoded())


def test_arithmetic_coding_is_refused() -> None:
    data = encoded()
    place = data.index(b"\xff\xc0")
    with pytest.raises(UnreadableImageError, match="a JPEG with lossless or arithmetic coding"):
        verify_image(data[:place] + b"\xff\xc9" + data[place + 2 :])


@pytest.mark.parametrize(
    ("data", "reason", "remedy"),
    [
        (b"", "is empty (0 bytes)", "Copy empty files again"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "is a HEIC photo", "heif-convert"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "is an AVIF image", "photo.avif photo.jpg"),
        (b"GIF89a", "is a GIF image", "magick photo.gif photo.jpg"),
        (b"<!DOCTYPE html><html>", "is a web page", "Download such files again"),
        (b"version https://git-lfs.github.com/spec/v1", "is a Git LFS pointer", "git lfs pull"),
    ],
)
def test_what_is_no_photo_is_named_with_the_remedy(data: bytes, reason: str, remedy: str) -> None:
    with pytest.raises(UnreadableImageError) as caught:
        scan_photos(photos=[photo("train/a/1.jpg", data)])
    assert f"train/a/1.jpg: {reason}. " in str(caught.value)
    assert remedy in str(caught.value)
    assert str(caught.value).endswith("Replace or delete these files, or raise max_unreadable.")


def test_a_fingerprint_is_the_same_for_a_smaller_copy() -> None:
    noise = random.Random(0).randbytes(12 * 12)  # Pillow's own depends on what was drawn before
    whole = Image.frombytes("L", (12, 12), noise).resize((512, 512), Image.Resampling.BICUBIC)
    values = []
    for side in (512, 300):
        buffer = io.BytesIO()
        whole.resize((side, side)).convert("RGB").save(buffer, "JPEG", quality=70)
        values.append(verify_image(buffer.getvalue()))
    assert values[0] is not None
    assert values[1] is not None
    assert (values[0] ^ values[1]).bit_count() <= 4


@pytest.mark.parametrize("data", [encoded("PNG", side=31), _plain(64), _plain(600)])
def test_small_and_plain_images_have_no_fingerprint(data: bytes) -> None:
    assert verify_image(data) is None


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA", "1", "I;16", "CMYK"])
def test_every_mode_gives_a_fingerprint_or_none(mode: str) -> None:
    buffer = io.BytesIO()
    source = Image.effect_noise((200, 200), 90)
    image = source.convert("I").convert("I;16") if mode == "I;16" else source.convert("RGB").convert(mode)
    image.save(buffer, "JPEG" if mode == "CMYK" else "PNG")
    assert objection(verify_image, buffer.getvalue()) is None


def test_large_images_wait_for_each_others_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "DECODE_BYTES", 5_000_000)
    memory = images._Memory()
    running: list[int] = []
    most: list[int] = []

    def decode(size: int) -> None:
        with memory.take(size):
            running.append(size)
            most.append(sum(running))
            time.sleep(0.005)
            running.remove(size)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(decode, [2_000_000, 4_000_000, 9_000_000, 1_000_000] * 4))
    assert max(most) == 9_000_000
    assert min(most) <= 5_000_000


def test_a_scan_hashes_every_image_and_sorts_them() -> None:
    data = {"train/b/2.png": encoded("PNG"), "train/a/1.jpg": encoded()}
    scan = scan_photos(photos=[photo(path, image) for path, image in data.items()])
    assert [record.path for record in scan.records] == ["train/a/1.jpg", "train/b/2.png"]
    for record in scan.records:
        assert record.sha256 == hashlib.sha256(data[record.path]).hexdigest()
        assert record.bytes == len(data[record.path])


@pytest.mark.parametrize("is_remote", [True, False])
def test_more_photos_than_cores_are_read_at_once_only_from_afar(
    is_remote: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1})
    wanted = images.REMOTE_THREADS if is_remote else 2
    together, most, running = threading.Barrier(wanted), [], set[int]()

    def read() -> bytes:
        running.add(threading.get_ident())
        most.append(len(running))
        together.wait(timeout=30)  # broken, and the test with it, where fewer read at once
        running.discard(threading.get_ident())
        return encoded()

    photos = [
        Photo(path=f"train/a/{place}.jpg", size=100, read=read, is_remote=is_remote)
        for place in range(2 * wanted)
    ]
    assert len(scan_photos(photos=photos).records) == len(photos)
    assert max(most) <= wanted


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
