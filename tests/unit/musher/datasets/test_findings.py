"""What staging found is said in numbers and whole sentences."""

import hashlib
import json

import pytest

from musher.datasets.findings import Evidence, Findings, describe_findings, find_few, log_findings
from musher.datasets.layout import BY_CLASSES, BY_SPLITS, Arrangement
from musher.datasets.leaks import Lookalikes, find_copies
from musher.datasets.manifest import ImageRecord
from musher.datasets.splitting import SplitShares


def image(path: str, content: str = "") -> ImageRecord:
    return ImageRecord(path=path, sha256=hashlib.sha256((content or path).encode()).hexdigest(), bytes=1)


def images(count: int = 5, splits: tuple[str, ...] = ("train", "valid", "test")) -> list[ImageRecord]:
    return [image(f"{split}/{name}/{n}.jpg") for split in splits for name in "ab" for n in range(count)]


SAME_NAMES = {split: split for split in ("train", "valid", "test")}


def findings(
    *,
    arrangement: Arrangement | None = None,
    found: list[ImageRecord] | None = None,
    lookalikes: Lookalikes | None = None,
    skipped: tuple[str, ...] = (),
) -> Findings:
    given = found or images()
    return describe_findings(
        Evidence(
            arrangement=arrangement or Arrangement(photos=(), layout=BY_SPLITS, split_folders=SAME_NAMES),
            shares=SplitShares(),
            images=given,
            skipped=skipped,
            copies=find_copies(given),
            lookalikes=lookalikes or Lookalikes(pairs=(), compared=9, of=9),
        )
    )


def test_a_clean_data_set_has_one_note_and_no_warning() -> None:
    found = findings()
    assert found["notes"] == ["The source's splits: train, valid, test."]
    assert (found["warnings"], found["cut"], found["few_photos"], found["left_out"]) == ([], None, 0, {})
    assert json.loads(json.dumps(found)) == found


def test_other_names_of_splits_are_told() -> None:
    arrangement = Arrangement(photos=(), layout=BY_SPLITS, split_folders={"train": "Train", "test": "test"})
    found = findings(arrangement=arrangement)
    assert found["notes"][0] == "The source's splits: Train (as train), test."
    assert found["folders"] == {"train": "Train", "test": "test"}
    assert found["cut"] == {"shares": {"valid": 0.15}, "seed": 0}
    assert found["notes"][1].startswith(
        "There was no folder for valid: valid (15%) was cut from train by the"
    )


def test_class_folders_are_told() -> None:
    found = findings(arrangement=Arrangement(photos=(), layout=BY_CLASSES, split_folders={"train": ""}))
    assert found["notes"][0] == "The source has a folder for each class and no splits."
    assert found["folders"] == {}
    assert found["cut"] == {"shares": {"valid": 0.15, "test": 0.15}, "seed": 0}


def test_few_photos_of_a_class_are_warned_of_once_for_each_class() -> None:
    given = [*images(), image("train/c/1.jpg"), image("test/c/1.jpg"), image("test/c/2.jpg")]
    assert find_few(given) == {"c": (1, "train")}
    (warning,) = findings(found=given)["warnings"]
    assert warning == (
        "1 class(es) have fewer than 5 images in a split, too few to learn from or to measure by: "
        "train/c has 1. Add images."
    )


def test_copies_are_warned_of_with_examples() -> None:
    given = [
        *images(),
        image("train/a/x.jpg", "s"),
        image("test/a/x.jpg", "s"),
        image("train/a/y.jpg", "c"),
        image("train/b/y.jpg", "c"),
        image("train/b/z.jpg", "d"),
        image("train/b/zz.jpg", "d"),
    ]
    found = findings(found=given)
    splits, classes = found["warnings"]
    assert splits.startswith("1 image(s) are in more than one split, ")
    assert "train/a/x.jpg = test/a/x.jpg. Delete the copies from train." in splits
    assert classes.startswith("1 image(s) are in more than one class, ")
    assert "train/a/y.jpg = train/b/y.jpg. Keep each in its class." in classes
    assert found["notes"][-1] == "1 image(s) are copies within their class and split."
    assert found["copies"] == {"in_two_splits": 1, "in_two_classes": 1, "spare": 1}


@pytest.mark.parametrize(
    ("compared", "words"), [(9, " look like"), (5, " (5 of them were compared) look like")]
)
def test_lookalikes_are_warned_of_with_examples(compared: int, words: str) -> None:
    pairs = tuple((f"test/a/{n}.jpg", f"train/a/{n}.jpg") for n in range(5))
    found = findings(lookalikes=Lookalikes(pairs=pairs, compared=compared, of=9))
    (warning,) = found["warnings"]
    assert f"5 of 9 images of valid and test{words} one of train, as" in warning
    assert "test/a/0.jpg = train/a/0.jpg; " in warning
    assert "; and 2 more. Look at them" in warning
    assert found["lookalikes"] == 5


def test_what_was_left_out_is_noted_with_examples() -> None:
    arrangement = Arrangement(
        photos=(),
        layout=BY_SPLITS,
        split_folders=SAME_NAMES,
        left_out={"no image by its name": tuple(f"{n}.txt" for n in range(9))},
    )
    found = findings(arrangement=arrangement, skipped=("train/a/1.jpg: is empty (0 bytes)",))
    assert found["left_out"] == {"no image by its name": 9}
    assert found["unreadable"] == 1
    assert found["notes"][1:] == [
        "9 file(s) were left out, no image by its name: 0.txt; 1.txt; 2.txt; and 6 more.",
        "1 image(s) that cannot be read were left out: train/a/1.jpg: is empty (0 bytes).",
    ]


def test_notes_and_warnings_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    log_findings(findings(found=[*images(), image("train/c/1.jpg")]))
    levels = [record.levelname for record in caplog.records]
    assert levels == ["INFO", "WARNING"]
