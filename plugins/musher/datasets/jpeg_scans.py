"""Read a JPEG's markers without decoding: the kind of its frame, and in how many scans its pixels come.

https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex B.
"""

import re
from dataclasses import dataclass

START_OF_SCAN = 0xDA
END_OF_IMAGE = 0xD9
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15; the three others define tables."""
DECODED_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""Huffman coded: baseline, extended, progressive. Browsers show no other."""
BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
"""They have no length."""

_SCAN = bytes((0xFF, START_OF_SCAN))
_AFTER_SCAN = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")
_FILL = re.compile(rb"\xff*")


@dataclass(frozen=True, kw_only=True)
class JpegMarkers:
    """What the markers of a JPEG's first image say."""

    frame: int | None
    """The marker's second byte, 0xC0 for a baseline JPEG; None where there is no frame."""
    scans: int


def read_markers(data: bytes, *, max_scans: int) -> JpegMarkers:
    """Return what the markers say; scans are counted up to one more than `max_scans`.

    Whatever breaks the rules ends the count: the decoder will say more about it.
    """
    frame, scans, place = None, 0, 2
    while scans <= max_scans and (found := _next_marker(data, place)):
        marker, place = found
        if marker == END_OF_IMAGE:
            break
        if marker in BARE_MARKERS:
            continue
        length = int.from_bytes(data[place : place + 2])
        if length < 2:
            break
        place += length
        if marker in FRAMES:
            frame = marker
        elif marker == START_OF_SCAN:
            scans += 1
            if data.find(_SCAN, place) < 0:  # much faster than reading the scan
                break
            after = _AFTER_SCAN.search(data, place)
            if after is None:
                break
            place = after.start()
    return JpegMarkers(frame=frame, scans=scans)


def _next_marker(data: bytes, place: int) -> tuple[int, int] | None:
    """Return a marker's second byte and the place behind it, or None where there is no marker."""
    if data[place : place + 1] != b"\xff":
        return None
    fill = _FILL.match(data, place)
    end = fill.end() if fill else place + 1
    return (data[end], end + 1) if end < len(data) else None
