"""The smallest data set that trains and is classified: some of scikit-learn's digits, as image folders."""

from collections import Counter
from pathlib import Path

from musher.datasets.digits import list_digits

IMAGES = {"train": 24, "valid": 6, "test": 6}
"""Images of each class, by split."""

CLASSES = ("0", "1", "2")


def write_photos(folder: Path) -> None:
    """Write the digits below `folder`, as split/class/name.png; the same files every time."""
    written: Counter[tuple[str, str]] = Counter()
    for photo in list_digits().photos:
        split, label, _ = photo.path.split("/")
        if label not in CLASSES or written[split, label] == IMAGES[split]:
            continue
        written[split, label] += 1
        path = folder / photo.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo.read())
