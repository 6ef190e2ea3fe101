"""Read how an image file is put together without decoding it, nor letting Pillow open it.

What is refused here is refused by training too, and costs CPU or memory that no photo needs.
JPEG: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex B. PNG: https://www.w3.org/TR/png-3/#5Chunk-layout.
WebP: https://developers.google.com/speed/webp/docs/riff_container.
"""

import re
import struct

from musher.errors import UnreadableImageError

MAX_SEGMENTS = 2_000
"""Of a JPEG; Pillow reads each in Python."""
MAX_JUNK_BYTES = 65_536
"""Between two segments of a JPEG's header."""
MAX_EXIF_BYTES = 128 * 1024
"""Of a JPEG; Pillow parses it value by value in Python."""
MAX_CHUNKS = 50_000
"""Of a PNG; libpng writes one for each 8 KiB."""
MAX_PACKED_TEXTS = 100
"""zTXt and iTXt chunks of a PNG: Pillow unpacks up to 1 MiB of each, and does not count it where the keyword,
the language or the checksum is wrong."""

START_OF_SCAN = 0xDA
END_OF_IMAGE = 0xD9
OTHER_FRAMES = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start of a frame that is neither baseline, extended nor progressive with Huffman codes."""
START_OF_IMAGE = 0xD8
"""It has no length."""

_JPEG_SIGNATURE = b"\xff\xd8"
_EXIF = b"Exif\0\0"
_SCAN = re.compile(rb"\xff\xda")
"""The start of one; a pattern finds it in a third of the time that bytes.find takes."""
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")
"""All but those within a scan: a stuffed zero, and restarts. Reserved ones below 0xC0 have no length either:
libjpeg refuses them in a header, and passes over them where it waits for a restart."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK_FRAME_BYTES = 12
_PACKED_TEXTS = frozenset({b"zTXt", b"iTXt"})
_WEBP_HEADER_BYTES = 30


def count_scans(data: bytes, *, max_scans: int) -> int:
    """Return the number of a JPEG's scans, those of a thumbnail or a second image not counted; 0 for others.

    Raises UnreadableImageError for more scans, segments, stray bytes or EXIF than the limits, for an end
    before the first scan, and for a coding that no browser shows.
    """
    if not data.startswith(_JPEG_SIGNATURE):
        return 0
    place, scans, exif_bytes = len(_JPEG_SIGNATURE), 0, 0
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(data, place)
        if not scans and (found.start() if found else len(data)) - place > MAX_JUNK_BYTES:
            raise UnreadableImageError(f"a JPEG with more than {MAX_JUNK_BYTES} stray bytes in its header")
        if found and found[1][0] == END_OF_IMAGE and not scans:  # libjpeg takes the image after it
            raise UnreadableImageError("a JPEG that ends before its first scan; save it anew")
        if found is None or found[1][0] == END_OF_IMAGE:
            return scans
        marker, place = found[1][0], found.end()
        if marker == START_OF_IMAGE:
            continue
        if marker in OTHER_FRAMES:
            raise UnreadableImageError("a JPEG with lossless or arithmetic coding; save it as a usual one")
        length = int.from_bytes(data[place : place + 2])
        exif_bytes += length * data.startswith(_EXIF, place + 2)
        if exif_bytes > MAX_EXIF_BYTES:
            raise UnreadableImageError(
                f"a JPEG with more than {MAX_EXIF_BYTES // 1024} KiB of EXIF; save it without them"
            )
        place += length
        scans += marker == START_OF_SCAN
        if scans > max_scans:
            raise UnreadableImageError(f"a JPEG of more than {max_scans} scans; save it as a usual one")
        if marker == START_OF_SCAN and not _SCAN.search(data, place):  # much faster than reading it
            return scans
    raise UnreadableImageError(
        f"a JPEG of more than {MAX_SEGMENTS} segments; save it anew without its metadata"
    )


def check_chunks(data: bytes) -> None:
    """Raise UnreadableImageError for a PNG with more chunks of a kind than the limits; other bytes pass."""
    if not data.startswith(_PNG_SIGNATURE):
        return
    place, profiles, texts = len(_PNG_SIGNATURE), 0, 0
    for _ in range(MAX_CHUNKS):
        if place + _CHUNK_FRAME_BYTES > len(data):
            return
        kind = data[place + 4 : place + 8]
        profiles += kind == b"iCCP"
        if profiles > 1:  # https://www.w3.org/TR/png-3/#11iCCP; Pillow unpacks 1 MiB of each
            raise UnreadableImageError("a PNG with more than one colour profile; save it anew")
        texts += kind in _PACKED_TEXTS
        if texts > MAX_PACKED_TEXTS:
            raise UnreadableImageError(
                f"a PNG with more than {MAX_PACKED_TEXTS} compressed or international texts; save it anew "
                "without its metadata"
            )
        place += _CHUNK_FRAME_BYTES + int.from_bytes(data[place : place + 4])
    raise UnreadableImageError(f"a PNG of more than {MAX_CHUNKS} chunks; save it anew")


def find_webp_size(data: bytes) -> tuple[int, int] | None:
    """Return a WebP's width and height, None for other bytes: Pillow takes the memory when it opens one."""
    if not (data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) >= _WEBP_HEADER_BYTES):
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
