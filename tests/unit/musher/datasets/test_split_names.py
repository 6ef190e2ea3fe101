"""Splits are known by many names."""

import pytest

from musher.datasets.split_names import split_of


@pytest.mark.parametrize(
    ("folder", "split"),
    [
        *(
            (name, "train")
            for name in ("train", "Train", "TRAINING", "training_set", "train-data", "trainset")
        ),
        *((name, "valid") for name in ("val", "Valid", "validation", "validation set", "val_images", "dev")),
        *((name, "test") for name in ("test", "Testing", "test_set", "TestData", "seg_test")),
    ],
)
def test_usual_names_stand_for_splits(folder: str, split: str) -> None:
    assert split_of(folder) == split


@pytest.mark.parametrize(
    "folder", ["", "data", "images", "cat", "trainer", "bullet train", "testament", "_", "eval"]
)
def test_other_names_stand_for_none(folder: str) -> None:
    assert split_of(folder) is None
