"""Find photos that are in a data set more than once: in two splits, in two classes, or almost.

Copies are told by their SHA-256. Photos that only look the same (another size, another quality, the next
picture of a series) are told by imagehash's difference hash: 64 bits, each saying whether a spot is darker
than its neighbour. On 994 dog photos a copy at 0.7 of the size and quality 60 differed by at most
MAX_DIFFERENT_BITS in 95 of 100 cases, and no two of the 493,521 pairs of different photos did.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from musher.datasets.file_names import first_few
from musher.datasets.manifest import ImageRecord
from musher.datasets.split_names import SPLITS
from musher.errors import DatasetLayoutError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_DIFFERENT_BITS = 4
MAX_PAIRS = 400_000_000
"""Pairs of photos that are compared at most, about 2 s; with more, a part of valid and test is."""
CHUNK_PAIRS = 4_000_000
"""Pairs that are compared at once, 8 bytes each."""
EXAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Groups of paths that hold the same bytes; a path may be in both."""

    in_two_splits: tuple[tuple[str, ...], ...]
    in_two_classes: tuple[tuple[str, ...], ...]
    spare: int
    """Photos that could be deleted without loss: copies within one class of one split."""

    def leaked(self, images: Sequence[ImageRecord]) -> float:
        """Return the share (0 to 1) of valid's or test's photos, the larger one, that lie elsewhere too."""
        paths = [path for group in self.in_two_splits for path in group]
        return max(_share(split, paths, images) for split in SPLITS if split != "train")

    def contradicting(self, images: Sequence[ImageRecord]) -> float:
        """Return the share (0 to 1) of all photos that lie in two classes."""
        return sum(map(len, self.in_two_classes)) / len(images)


@dataclass(frozen=True, kw_only=True)
class Lookalikes:
    """Pairs of a photo of valid or test and one of train that look the same."""

    pairs: tuple[tuple[str, str], ...]
    """One for each photo of valid or test that has one."""
    compared: int
    """Photos of valid and test that were looked at."""
    of: int
    """Photos of valid and test that could have been."""


def find_copies(images: Sequence[ImageRecord]) -> Copies:
    """Group the photos with equal bytes."""
    groups: dict[str, list[ImageRecord]] = {}
    for image in images:
        groups.setdefault(image.sha256, []).append(image)
    repeated = [group for group in groups.values() if len(group) > 1]
    return Copies(
        in_two_splits=_paths(group for group in repeated if len({image.split for image in group}) > 1),
        in_two_classes=_paths(group for group in repeated if len({image.class_name for image in group}) > 1),
        spare=sum(
            len(group) - len({(image.split, image.class_name) for image in group}) for group in repeated
        ),
    )


def refuse_copies(copies: Copies, images: Sequence[ImageRecord], *, max_share: float) -> None:
    """Raise DatasetLayoutError where more than `max_share` of the photos leak or contradict."""
    leaked, contradicting = copies.leaked(images), copies.contradicting(images)
    remedy = f"Delete the copies, or raise max_duplicates (now {max_share:g})."
    if leaked > max_share:
        raise DatasetLayoutError(
            f"{leaked:.1%} of the images of valid or test are in another split too, so that the measured "
            f"accuracy would say little: {_examples(copies.in_two_splits)}. {remedy}"
        )
    if contradicting > max_share:
        raise DatasetLayoutError(
            f"{contradicting:.1%} of the images are in two classes: {_examples(copies.in_two_classes)}. "
            f"{remedy}"
        )


def find_lookalikes(images: Sequence[ImageRecord], *, fingerprints: Mapping[str, int]) -> Lookalikes:
    """Find photos of valid and test that look like one of train; exact copies are none.

    `fingerprints` maps SHA-256s to 64-bit difference hashes; photos that have none are not compared.
    """
    import numpy as np

    learned = [image for image in images if image.split == "train" and image.sha256 in fingerprints]
    asked = [image for image in images if image.split != "train" and image.sha256 in fingerprints]
    asked_in_hash_order = sorted(asked, key=lambda image: image.sha256)
    compared = asked_in_hash_order[: MAX_PAIRS // max(len(learned), 1)]
    train = np.array([fingerprints[image.sha256] for image in learned], dtype=np.uint64)
    step = max(CHUNK_PAIRS // max(len(learned), 1), 1)
    pairs: list[tuple[str, str]] = []
    for start in range(0, len(compared) if learned else 0, step):
        chunk = compared[start : start + step]
        values = np.array([fingerprints[image.sha256] for image in chunk], dtype=np.uint64)
        pairs += [
            (chunk[row].path, learned[column].path)
            for row, column in _nearest(values, train)
            if chunk[row].sha256 != learned[column].sha256
        ]
    return Lookalikes(pairs=tuple(sorted(pairs)), compared=len(compared), of=len(asked))


def _nearest(values: "npt.NDArray[np.uint64]", train: "npt.NDArray[np.uint64]") -> list[tuple[int, int]]:
    """Return, for each value that is close to one of train, both places."""
    import numpy as np

    different = np.bitwise_count(values[:, None] ^ train[None, :])
    columns = different.argmin(axis=1)
    rows = np.flatnonzero(different[np.arange(len(values)), columns] <= MAX_DIFFERENT_BITS)
    return [(int(row), int(columns[row])) for row in rows]


def _share(split: str, paths: Sequence[str], images: Sequence[ImageRecord]) -> float:
    count = sum(image.split == split for image in images)
    return sum(path.startswith(f"{split}/") for path in paths) / max(count, 1)


def _paths(groups: Iterable[Sequence[ImageRecord]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(image.path for image in group) for group in groups)


def _examples(groups: Sequence[Sequence[str]]) -> str:
    return first_few([" = ".join(group[:3]) for group in groups], count=EXAMPLES)
