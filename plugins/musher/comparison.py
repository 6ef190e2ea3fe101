"""Hold a model against minimums, and against the one that is live. Pure.

Both evaluations are evaluation.json of training/, of the same test images.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHOWN_CLASSES = 5


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """Say what a model must reach; all figures are shares, 0 to 1."""

    min_accuracy: float
    min_class_recall: float
    """Of each class that the test split has images of."""
    max_calibration_error: float
    max_accuracy_drop: float
    """Below the live model's accuracy."""


def find_faults(
    evaluation: Mapping[str, Any], *, requirements: Requirements, champion: Mapping[str, Any] | None
) -> list[str]:
    """Return a sentence for each requirement that a model misses; `champion` is the live one's evaluation."""
    faults = []
    accuracy, images = evaluation["accuracy"], evaluation["images"]
    if not accuracy >= requirements.min_accuracy:
        faults.append(
            f"test accuracy {accuracy:.4f} on {images} images; min_accuracy is {requirements.min_accuracy}"
        )
    if weak := _weak_classes(evaluation, least=requirements.min_class_recall):
        faults.append(
            f"recall below min_class_recall {requirements.min_class_recall} for {len(weak)} classes: "
            + ", ".join(f"{name} {recall:.2f}" for name, recall in weak[:SHOWN_CLASSES])
        )
    error = evaluation["calibrated_ece"]
    if not error <= requirements.max_calibration_error:
        faults.append(
            f"calibration error {error:.4f}; max_calibration_error is {requirements.max_calibration_error}"
        )
    if champion is not None:
        faults += _worse_than(champion, evaluation, most=requirements.max_accuracy_drop)
    return faults


def _weak_classes(evaluation: Mapping[str, Any], *, least: float) -> list[tuple[str, float]]:
    """Return (name, recall) of the classes below the least, the weakest first."""
    known = zip(evaluation["classes"], evaluation["per_class_recall"], strict=True)
    weak = [(name, recall) for name, recall in known if recall is not None and not recall >= least]
    return sorted(weak, key=lambda found: (found[1], found[0]))


def _worse_than(champion: Mapping[str, Any], evaluation: Mapping[str, Any], *, most: float) -> list[str]:
    if champion["classes"] != evaluation["classes"]:
        return [
            f"its {len(evaluation['classes'])} classes are not the live model's {len(champion['classes'])}, "
            "by name and order: callers would take one class for another"
        ]
    drop = champion["accuracy"] - evaluation["accuracy"]
    if drop <= most:
        return []
    return [
        f"test accuracy {evaluation['accuracy']:.4f} is {drop:.4f} below the live model's "
        f"{champion['accuracy']:.4f} on the same {evaluation['images']} images; max_accuracy_drop is {most}"
    ]
