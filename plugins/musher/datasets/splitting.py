"""Cut the splits that a data set lacks from its train split, by the photos' contents.

A photo's place follows from its SHA-256 and the seed alone, never from its name, its neighbours or the order
of files: it stays where it was when photos are added later, and its copies go with it. That is worth more
than exact shares: a photo that an earlier model has learned never becomes one that tests the next.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from musher.datasets.file_names import first_few
from musher.datasets.manifest import ImageRecord
from musher.errors import DatasetLayoutError

HASH_RANGE = 2**64


@dataclass(frozen=True, kw_only=True)
class SplitShares:
    """What share of train's photos goes to a split that is missing (0 to 1), and the seed of the draw."""

    valid: float = 0.15
    test: float = 0.15
    seed: int = 0


def cut_splits(
    images: Sequence[ImageRecord], *, missing: Sequence[str], shares: SplitShares
) -> tuple[ImageRecord, ...]:
    """Return the images, some of train's moved to the missing splits, sorted by path.

    Each class is cut by the same shares and gets at least one photo in each split. Raises DatasetLayoutError
    where a class has fewer different photos than there are splits to fill.
    """
    if not missing:
        return tuple(images)
    pool = [image for image in images if image.split == "train"]
    by_class: dict[str, set[str]] = {}
    for image in pool:
        by_class.setdefault(image.class_name, set()).add(image.sha256)
    _refuse_small_classes(by_class, missing=missing)
    places = {name: _cut_class(hashes, missing=missing, shares=shares) for name, hashes in by_class.items()}
    moved = [
        replace(image, path=f"{places[image.class_name][image.sha256]}/{image.member}") for image in pool
    ]
    rest = [image for image in images if image.split != "train"]
    return tuple(sorted([*moved, *rest], key=lambda image: image.path))


def draw(sha256: str, *, seed: int) -> float:
    """Return the number from 0 to 1 that decides about a photo's split."""
    digest = hashlib.sha256(f"{seed} {sha256}".encode()).digest()
    return int.from_bytes(digest[:8]) / HASH_RANGE


def _refuse_small_classes(by_class: Mapping[str, set[str]], *, missing: Sequence[str]) -> None:
    needed = len(missing) + 1
    small = [f"{name} has {len(hashes)}" for name, hashes in sorted(by_class.items()) if len(hashes) < needed]
    if small:
        raise DatasetLayoutError(
            f"Each class needs at least {needed} different images in train, one for train and one for each "
            f"split that is cut from it ({', '.join(missing)}): {first_few(small)}. Add images to these "
            "classes, or remove their folders."
        )


def _cut_class(hashes: Iterable[str], *, missing: Sequence[str], shares: SplitShares) -> dict[str, str]:
    """Map each of a class's photos to its split."""
    drawn = sorted((draw(digest, seed=shares.seed), digest) for digest in hashes)
    parts: dict[str, list[str]] = {split: [] for split in ("test", "valid", "train")}
    for number, digest in drawn:
        parts[_choose(number, missing=missing, shares=shares)].append(digest)
    for split in (*missing, "train"):
        if not parts[split]:
            largest = max(parts.values(), key=len)
            parts[split].append(largest.pop(-1 if split == "train" else 0))
    return {digest: split for split, members in parts.items() for digest in members}


def _choose(number: float, *, missing: Sequence[str], shares: SplitShares) -> str:
    """Return test for the lowest numbers, valid for the next; a split that exists takes none."""
    if number < shares.test:
        return "test" if "test" in missing else "train"
    if number < shares.test + shares.valid:
        return "valid" if "valid" in missing else "train"
    return "train"
