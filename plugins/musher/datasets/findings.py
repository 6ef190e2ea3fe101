"""What staging found in a source, for the manifest, the log and the report: numbers and sentences."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from musher.datasets.file_names import first_few
from musher.datasets.layout import BY_CLASSES, Arrangement
from musher.datasets.leaks import Copies, Lookalikes
from musher.datasets.manifest import ImageRecord
from musher.datasets.splitting import SplitShares

logger = logging.getLogger(__name__)

FEW_PHOTOS = 5
"""Photos of a class in one split; with fewer, one answer more or less moves its accuracy by over 20 %."""
EXAMPLES = 3


class Cut(TypedDict):
    """How the splits were made that the source lacked."""

    shares: dict[str, float]
    """Of train's photos, by split."""
    seed: int


class Findings(TypedDict):
    """What staging found; `warnings` and `notes` are whole sentences in plain text."""

    layout: str
    """"splits" or "classes"."""
    folders: dict[str, str]
    """The source's own names of the splits that it has."""
    cut: Cut | None
    left_out: dict[str, int]
    """Files and hidden folders that are no part of the data set, by reason."""
    unreadable: int
    """Images that were left out by permission."""
    copies: dict[str, int]
    """Groups of equal photos `in_two_splits` and `in_two_classes`, and photos that are `spare`."""
    lookalikes: int
    """Photos of valid or test that look like one of train."""
    few_photos: int
    """Classes with fewer than FEW_PHOTOS in some split."""
    warnings: list[str]
    notes: list[str]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that findings are made of."""

    arrangement: Arrangement
    shares: SplitShares
    images: Sequence[ImageRecord]
    skipped: Sequence[str]
    copies: Copies
    lookalikes: Lookalikes


def describe_findings(evidence: Evidence) -> Findings:
    """Return the findings; they depend on the data and the shares alone."""
    arrangement, copies = evidence.arrangement, evidence.copies
    missing = arrangement.missing
    shares = {split: getattr(evidence.shares, split) for split in missing}
    few = find_few(evidence.images)
    return Findings(
        layout=arrangement.layout,
        folders=dict(arrangement.split_folders) if arrangement.layout != BY_CLASSES else {},
        cut=Cut(shares=shares, seed=evidence.shares.seed) if missing else None,
        left_out={reason: len(paths) for reason, paths in arrangement.left_out.items()},
        unreadable=len(evidence.skipped),
        copies={
            "in_two_splits": len(copies.in_two_splits),
            "in_two_classes": len(copies.in_two_classes),
            "spare": copies.spare,
        },
        lookalikes=len(evidence.lookalikes.pairs),
        few_photos=len(few),
        warnings=[*_warn_of_copies(copies), *_warn_of_lookalikes(evidence.lookalikes), *_warn_of_few(few)],
        notes=_notes(evidence, shares=shares),
    )


def log_findings(found: Findings) -> None:
    """Write the sentences to the task's log."""
    for sentence in found["notes"]:
        logger.info("%s", sentence)
    for sentence in found["warnings"]:
        logger.warning("%s", sentence)


def find_few(images: Sequence[ImageRecord]) -> dict[str, tuple[int, str]]:
    """Return the classes that have fewer than FEW_PHOTOS in some split: how many in which, fewest first."""
    counts = Counter((image.class_name, image.split) for image in images)
    few: dict[str, tuple[int, str]] = {}
    for (class_name, split), count in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        if count < FEW_PHOTOS:
            few.setdefault(class_name, (count, split))
    return few


def _warn_of_copies(copies: Copies) -> list[str]:
    sentences = []
    if copies.in_two_splits:
        sentences.append(
            f"{len(copies.in_two_splits)} image(s) are in more than one split, which makes the measured "
            f"accuracy look better than it is: {_groups(copies.in_two_splits)}. Delete the copies from train."
        )
    if copies.in_two_classes:
        sentences.append(
            f"{len(copies.in_two_classes)} image(s) are in more than one class, so that no answer can be "
            f"right for both: {_groups(copies.in_two_classes)}. Keep each in its class."
        )
    return sentences


def _warn_of_lookalikes(lookalikes: Lookalikes) -> list[str]:
    if not lookalikes.pairs:
        return []
    part = "" if lookalikes.compared == lookalikes.of else f" ({lookalikes.compared} of them were compared)"
    return [
        f"{len(lookalikes.pairs)} of {lookalikes.of} images of valid and test{part} look like one of train, "
        f"as copies of another size or pictures of one series do: {_groups(lookalikes.pairs)}. Look at them: "
        "where they show the same scene, keep them in one split."
    ]


def _warn_of_few(few: Mapping[str, tuple[int, str]]) -> list[str]:
    if not few:
        return []
    shown = first_few([f"{split}/{name} has {count}" for name, (count, split) in few.items()], count=EXAMPLES)
    return [
        f"{len(few)} class(es) have fewer than {FEW_PHOTOS} images in a split, too few to learn from or to "
        f"measure by: {shown}. Add images."
    ]


def _notes(evidence: Evidence, *, shares: Mapping[str, float]) -> list[str]:
    arrangement = evidence.arrangement
    notes = [_note_layout(arrangement)]
    if shares:
        parts = " and ".join(f"{split} ({share:.0%})" for split, share in shares.items())
        notes.append(
            f"There was no folder for {' and '.join(shares)}: {parts} was cut from train by the images' "
            f"contents, class by class (seed {evidence.shares.seed})."
        )
    notes += [
        f"{len(paths)} file(s) were left out, {reason}: {first_few(paths, count=EXAMPLES)}."
        for reason, paths in arrangement.left_out.items()
    ]
    if evidence.skipped:
        shown = first_few(evidence.skipped, count=EXAMPLES)
        notes.append(f"{len(evidence.skipped)} image(s) that cannot be read were left out: {shown}.")
    if evidence.copies.spare:
        notes.append(f"{evidence.copies.spare} image(s) are copies within their class and split.")
    return notes


def _note_layout(arrangement: Arrangement) -> str:
    if arrangement.layout == BY_CLASSES:
        return "The source has a folder for each class and no splits."
    taken = [
        folder if folder == split else f"{folder} (as {split})"
        for split, folder in arrangement.split_folders.items()
    ]
    return f"The source's splits: {', '.join(taken)}."


def _groups(groups: Sequence[Sequence[str]]) -> str:
    return first_few([" = ".join(group[:EXAMPLES]) for group in groups], count=EXAMPLES)
