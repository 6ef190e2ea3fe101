"""Judge how a file is put together before Pillow reads it: its headers are parsed in Python, piece by piece.

A file of 6 MB made of empty pieces would keep Pillow busy for seconds, with the interpreter's lock held.
JPEG: https://www.w3.org/Graphics/JPEG/itu-t81.pdf annex B. PNG: https://www.w3.org/TR/png-3/#5Chunk-layout
"""

from __future__ import annotations

import re
import struct
import zlib

from imgclf.errors import ImageError
from imgclf.images.limits import (
    MAX_CHUNKS,
    MAX_EXIF_BYTES,
    MAX_JUNK_BYTES,
    MAX_PACKED_TEXTS,
    MAX_SCANS,
    MAX_SEGMENTS,
)

_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])", re.DOTALL)
"""Any JPEG marker but the ones inside of a scan: a stuffed zero and the restart markers. Reserved ones below
0xC0 have no length either: libjpeg refuses them in a header, and passes over them where it waits for a
restart."""
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
"""The start of the image has no length."""
_NEXT_SCAN = re.compile(rb"\xff\xda")
_EXIF = b"Exif\0\0"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_HUFFMAN_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive; the others are arithmetic, lossless or hierarchical."""

WEBP_HEADER_BYTES = 30
_PACKED_TEXTS = frozenset({b"zTXt", b"iTXt"})
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def count_scans(data: bytes) -> int:
    """Return the number of a JPEG's scans, 0 for bytes of another kind.

    Raises ImageError for more scans or segments than the limits, for an end before the first scan, and for a
    coding that browsers do not show.
    """
    if not data.startswith(b"\xff\xd8"):
        return 0
    position, scans, exif_bytes = 2, 0, 0
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(data, position)
        if not scans and (found.start() if found else len(data)) - position > MAX_JUNK_BYTES:
            raise ImageError(
                f"JPEG with more than {MAX_JUNK_BYTES} stray bytes in its header; send an undamaged file"
            )
        if found and found[1][0] == _END and not scans:  # libjpeg takes the image after it
            raise ImageError("JPEG that ends before its first scan; save it anew")
        if found is None or found[1][0] == _END:
            return scans
        marker, position = found[1][0], found.end()
        if marker == _START:
            continue
        if marker in _FRAMES - _HUFFMAN_FRAMES:
            raise ImageError(
                f"JPEG of coding 0x{marker:02X}, which no browser shows; save it as a baseline JPEG"
            )
        scans += marker == _SCAN
        if scans > MAX_SCANS:
            raise ImageError(f"JPEG of more than {MAX_SCANS} scans; save it as a baseline JPEG")
        length = int.from_bytes(data[position : position + 2], "big")
        exif_bytes += length * data.startswith(_EXIF, position + 2)
        if exif_bytes > MAX_EXIF_BYTES:
            raise ImageError(
                f"JPEG with more than {MAX_EXIF_BYTES // 1024} KiB of EXIF; save it without them"
            )
        position += length
        if marker == _SCAN and not _NEXT_SCAN.search(data, position):  # much faster than reading it
            return scans
    raise ImageError(f"JPEG of more than {MAX_SEGMENTS} segments; save it anew without its metadata")


def check_chunks(data: bytes) -> None:
    """Raise ImageError for a PNG with more chunks of a kind than the limits; other bytes pass."""
    if not data.startswith(_PNG_SIGNATURE):
        return
    position, profiles, texts = len(_PNG_SIGNATURE), 0, 0
    for _ in range(MAX_CHUNKS):
        if position + 12 > len(data):
            return
        kind = data[position + 4 : position + 8]
        profiles += kind == b"iCCP"
        if profiles > 1:  # https://www.w3.org/TR/png-3/#11iCCP; Pillow unpacks 1 MiB of each
            raise ImageError("PNG with more than one colour profile; save it anew")
        texts += kind in _PACKED_TEXTS
        if texts > MAX_PACKED_TEXTS:
            raise ImageError(
                f"PNG with more than {MAX_PACKED_TEXTS} compressed or international texts; save it anew "
                "without its metadata"
            )
        position += 12 + int.from_bytes(data[position : position + 4], "big")
    raise ImageError(f"PNG of more than {MAX_CHUNKS} chunks; save it anew")


def find_late_exif(data: bytes) -> bytes | None:
    """Return the EXIF data of a PNG's last eXIf chunk, which may stand after the pixels; None without one."""
    start = data.rfind(b"eXIf")
    if start < len(_PNG_SIGNATURE) + 4 or not data.startswith(_PNG_SIGNATURE):
        return None
    end = start + 4 + int.from_bytes(data[start - 4 : start], "big")
    checksum = struct.pack(">I", zlib.crc32(data[start:end]))
    return data[start + 4 : end] if data[end : end + 4] == checksum else None


def find_webp_size(data: bytes) -> tuple[int, int]:
    """Return a WebP's width and height in pixels, (0, 0) for bytes of another kind.

    https://developers.google.com/speed/webp/docs/riff_container
    """
    if not (data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) >= WEBP_HEADER_BYTES):
        return 0, 0
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0
