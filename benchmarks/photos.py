"""Real photos where MUSHER_PHOTOS names a zip of them, else generated ones of 500 px."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from benchmarks.generated_photos import write_photos

SIDE = 500
"""Height and width of a generated photo in pixels, about that of the real ones."""


def photo_folder(folder: Path) -> tuple[Path, str]:
    """Return a folder with train/, valid/ and test/ in it, and what its photos are.

    MUSHER_PHOTOS names a zip in the dogImages layout (dogImages/train/001.Affenpinscher/name.jpg).
    """
    named = os.environ.get("MUSHER_PHOTOS")
    if not named:
        top = write_photos(folder=folder, classes=40, train=16, valid=4, test=2, side=SIDE)
        return top, f"generated photos of {SIDE} px"
    with zipfile.ZipFile(named) as archive:
        archive.extractall(folder)
    [train] = folder.glob("**/train")
    return train.parent, "real photos"
