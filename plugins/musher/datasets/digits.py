"""List scikit-learn's hand-written digits as image folders: a real data set that needs no download.

1,797 scans of 8 x 8 pixels with 17 grey levels, collected by E. Alpaydin and C. Kaynak (UCI repository,
"Optical Recognition of Handwritten Digits"), shipped inside scikit-learn.
"""

import csv
import gzip
import hashlib
import importlib.util
import struct
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from musher.datasets.layout import Listing, Photo
from musher.errors import DatasetSourceError

SIDE = 8
LEVELS = 16
GREYS = bytes(round(min(level, LEVELS) * 255 / LEVELS) for level in range(256))
"""Level -> grey of 8 bits."""
SPLIT_PERCENT = {"train": 70, "valid": 15, "test": 15}


def list_digits() -> Listing:
    """List train, valid and test: 70/15/15 % of each class, the same files every time, in memory (1 MB)."""
    scans: dict[str, dict[str, bytes]] = {}
    for number, (levels, digit) in enumerate(read_scans()):
        png = encode_png(levels.translate(GREYS), side=SIDE)
        scans.setdefault(str(digit), {})[f"digit_{number:04d}.png"] = png
    return Listing(
        photos=tuple(
            Photo(path=f"{split}/{digit}/{name}", size=len(pngs[name]), read=partial(bytes, pngs[name]))
            for digit, pngs in scans.items()
            for name, split in split_names(list(pngs)).items()
        )
    )


def read_scans() -> Iterator[tuple[bytes, int]]:
    """Yield each scan's SIDE x SIDE levels, 0 to LEVELS, and its digit, in scikit-learn's order.

    Reads the table that scikit-learn is installed with: its import takes longer than all the rest.
    """
    found = importlib.util.find_spec("sklearn")
    if found is None or found.origin is None:
        raise DatasetSourceError("digits: scikit-learn holds them and is missing. Install scikit-learn.")
    with gzip.open(Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz", "rt") as table:
        for row in csv.reader(table):
            *levels, digit = map(int, row)
            yield bytes(levels), digit


def split_names(names: list[str]) -> dict[str, str]:
    """Map each name to a split, in the order of the names' hashes."""
    shuffled = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    train_end = len(names) * SPLIT_PERCENT["train"] // 100
    valid_end = train_end + len(names) * SPLIT_PERCENT["valid"] // 100
    return {
        name: "train" if place < train_end else "valid" if place < valid_end else "test"
        for place, name in enumerate(shuffled)
    }


def encode_png(pixels: bytes, *, side: int) -> bytes:
    """Encode a square 8-bit grey image, uncompressed: its bytes do not depend on the zlib in use."""
    rows = b"".join(b"\0" + pixels[start : start + side] for start in range(0, len(pixels), side))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
