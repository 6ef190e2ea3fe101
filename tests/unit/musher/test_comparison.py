"""What a model must reach, and how it is held against the live one."""

from typing import Any

import pytest

from musher.comparison import Requirements, find_faults

GOOD = {
    "accuracy": 0.91,
    "images": 100,
    "calibrated_ece": 0.02,
    "classes": ["cat", "dog", "fox"],
    "per_class_recall": [0.9, 0.5, None],
}
LENIENT = Requirements(
    min_accuracy=0.9, min_class_recall=0.5, max_calibration_error=0.02, max_accuracy_drop=0.02
)


def faults(changes: dict[str, Any] | None = None, *, champion: Any = None, **required: float) -> list[str]:
    """Return what is wrong with a changed GOOD under changed LENIENT requirements."""
    requirements = Requirements(**{**LENIENT.__dict__, **required})
    return find_faults({**GOOD, **(changes or {})}, requirements=requirements, champion=champion)


def test_each_bound_itself_passes() -> None:
    assert faults({"accuracy": 0.9}, champion={**GOOD, "accuracy": 0.915}) == []


@pytest.mark.parametrize("accuracy", [0.8999, float("nan")])
def test_an_accuracy_below_the_minimum_or_no_number_is_refused_with_both(accuracy: float) -> None:
    [said] = faults({"accuracy": accuracy})
    assert said == f"test accuracy {accuracy:.4f} on 100 images; min_accuracy is 0.9"


def test_weak_classes_are_named_the_weakest_first_and_those_without_images_are_not() -> None:
    recalls = {"classes": [f"c{number}" for number in range(8)], "per_class_recall": [0.7] * 7 + [None]}
    assert faults(recalls, min_class_recall=0.6) == []
    recalls["per_class_recall"][6] = 0.1
    [said] = faults(recalls, min_class_recall=0.8)
    assert said == (
        "recall below min_class_recall 0.8 for 7 classes: c6 0.10, c0 0.70, c1 0.70, c2 0.70, c3 0.70"
    )


def test_what_is_no_number_lets_nothing_through() -> None:
    for name in ("min_accuracy", "min_class_recall", "max_calibration_error", "max_accuracy_drop"):
        assert len(faults(champion=GOOD, **{name: float("nan")})) == 1, name


def test_a_model_whose_probabilities_lie_is_refused() -> None:
    [said] = faults({"calibrated_ece": 0.3})
    assert said == "calibration error 0.3000; max_calibration_error is 0.02"
    assert len(faults({"calibrated_ece": float("nan")})) == 1


def test_a_model_worse_than_the_live_one_is_refused_with_both_figures() -> None:
    [said] = faults(champion={**GOOD, "accuracy": 0.9301})
    assert said == (
        "test accuracy 0.9100 is 0.0201 below the live model's 0.9301 on the same 100 images; "
        "max_accuracy_drop is 0.02"
    )


@pytest.mark.parametrize("classes", [["cat", "dog"], ["dog", "cat", "fox"]])
def test_other_classes_or_another_order_cannot_take_the_live_ones_place(classes: list[str]) -> None:
    [said] = faults(champion={**GOOD, "classes": classes, "accuracy": 0.1})
    assert said.startswith(f"its 3 classes are not the live model's {len(classes)}, by name and order")


def test_all_faults_are_told_together() -> None:
    assert len(faults({"accuracy": 0.1, "calibrated_ece": 1}, min_class_recall=1, champion=GOOD)) == 4
