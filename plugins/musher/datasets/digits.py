"""Write scikit-learn's hand-written digits as image folders: a real data set that needs no download.

1,797 scans of 8 x 8 pixels with 17 grey levels, collected by E. Alpaydin and C. Kaynak (UCI repository,
"Optical Recognition of Handwritten Digits"), shipped inside scikit-learn.
"""

import hashlib
import struct
import zlib
from pathlib import Path

SIDE = 8
LEVELS = 16
SPLIT_PERCENT = {"train": 70, "valid": 15, "test": 15}


def write_digits(*, folder: Path) -> None:
    """Write train, valid and test below `folder`: 70/15/15 % of each class, the same files every time."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    names: dict[str, list[str]] = {}
    pixels: dict[str, bytes] = {}
    for number, (image, target) in enumerate(zip(bunch.images, bunch.target, strict=True)):
        name = f"digit_{number:04d}.png"
        names.setdefault(str(int(target)), []).append(name)
        pixels[name] = bytes(round(float(level) * 255 / LEVELS) for level in image.ravel())
    for class_name, members in sorted(names.items()):
        for name, split in split_names(members).items():
            target_file = folder / split / class_name / name
            target_file.parent.mkdir(parents=True, exist_ok=True)
            target_file.write_bytes(encode_png(pixels[name], side=SIDE))


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
