"""Paths become splits and classes, or are refused by name."""

import time
import unicodedata

import pytest

from musher.datasets.layout import (
    BY_CLASSES,
    BY_SPLITS,
    Arrangement,
    Listing,
    Photo,
    arrange_listing,
    check_classes,
)
from musher.errors import DatasetLayoutError

GOOD = [f"{split}/{name}/1.jpg" for split in ("train", "valid", "test") for name in ("cat", "dog")]
TRAIN = [path for path in GOOD if path.startswith("train/")]


def without(*paths: str) -> list[str]:
    return [path for path in GOOD if path not in paths]


def found(*files: str, folders: tuple[str, ...] = ()) -> Arrangement:
    photos = tuple(Photo(path=path, size=1, read=path.encode) for path in files)
    return arrange_listing(Listing(photos=photos, folders=frozenset(folders)))


def arrange(*files: str, folders: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the given path of each arranged photo."""
    return {photo.path: photo.read().decode() for photo in found(*files, folders=folders).photos}


def refusal(*files: str, folders: tuple[str, ...] = ()) -> str:
    with pytest.raises(DatasetLayoutError) as caught:
        found(*files, folders=folders)
    return str(caught.value)


@pytest.mark.parametrize("top", ["", "dogImages/", "a/b/", "training/", "test/"])
def test_single_top_folders_are_looked_through(top: str) -> None:
    assert arrange(*(top + path for path in GOOD)) == {path: top + path for path in GOOD}


@pytest.mark.parametrize(
    ("split", "name"),
    [
        *(("valid", name) for name in ("val", "validation", "Valid", "VAL", "validation_set", "dev")),
        *(("test", name) for name in ("Test", "testing", "test_set", "test-images", "seg_test")),
        *(("train", name) for name in ("Train", "training", "training_set", "Training Set", "train_data")),
    ],
)
def test_other_names_of_the_splits_are_accepted(split: str, name: str) -> None:
    given = [path.replace(f"{split}/", f"{name}/") for path in GOOD]
    assert sorted(arrange(*given)) == sorted(GOOD)
    assert found(*given).split_folders[split] == name


def test_a_split_may_lie_in_a_folder_of_its_own_name() -> None:
    """As in Kaggle's cats and dogs: training_set/training_set/cats."""
    given = [path.replace("train/", "training_set/training_set/") for path in TRAIN]
    given += ["test_set/test_set/cat/1.jpg", "test_set/test_set/dog/1.jpg"]
    arrangement = found(*given)
    assert [photo.path for photo in arrangement.photos] == [
        f"{split}/{name}/1.jpg" for split in ("test", "train") for name in ("cat", "dog")
    ]
    assert arrangement.split_folders == {
        "train": "training_set/training_set",
        "test": "test_set/test_set",
    }


@pytest.mark.parametrize(
    ("kept", "missing"),
    [
        (("train", "test"), ("valid",)),
        (("train", "valid"), ("test",)),
        (("train",), ("valid", "test")),
        (("train", "valid", "test"), ()),
    ],
)
def test_a_split_that_is_not_there_is_said_to_be_missing(
    kept: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    arrangement = found(*(path for path in GOOD if path.startswith(kept)))
    assert (arrangement.layout, arrangement.missing) == (BY_SPLITS, missing)


@pytest.mark.parametrize("top", ["", "photos/", "a/b/"])
def test_class_folders_alone_are_trains(top: str) -> None:
    arrangement = found(f"{top}cat/1.jpg", f"{top}dog/1.jpg")
    assert [photo.path for photo in arrangement.photos] == ["train/cat/1.jpg", "train/dog/1.jpg"]
    assert (arrangement.layout, arrangement.missing) == (BY_CLASSES, ("valid", "test"))


def test_a_class_may_be_named_train() -> None:
    assert sorted(arrange("bus/1.jpg", "car/1.jpg", "train/1.jpg")) == [
        "train/bus/1.jpg",
        "train/car/1.jpg",
        "train/train/1.jpg",
    ]


@pytest.mark.parametrize(
    "files",
    [
        ["train/1.jpg", "test/2.jpg"],
        ["train/1.jpg"],
        ["cat/1.jpg", "dog/1.jpg", "test/1.jpg"],
        [*TRAIN, "test/1.jpg"],
    ],
)
def test_images_directly_in_a_split_are_refused(files: list[str]) -> None:
    message = refusal(*files)
    assert message.startswith("The images lie directly in t")
    assert "Sort them into t" in message


JUNK = [
    *(
        "README.md",
        "labels.csv",
        ".gitkeep",
        "train/.nomedia",
        "train/cat/.gitkeep",
        ".git/config",
        "LICENSE",
    ),
    *("train/cat/1.json", "train/cat/1.xml", "__MACOSX/x/._1.jpg", ".DS_Store", "train/cat/thumbs.db"),
    *("train/cat/Desktop.ini", "train/cat/._1.jpg", "train/@eaDir/1.jpg/SYNOPHOTO_THUMB_XL.jpg"),
    *("train/.ipynb_checkpoints/1-checkpoint.jpg", "train/cat/_DS_Store", "annotations/xmls/1.xml"),
    *("train/labels/1.txt", "$RECYCLE.BIN/cat/1.jpg", "train/cat/video.mp4"),
]


@pytest.mark.parametrize("junk", JUNK)
def test_harmless_files_are_left_out_and_counted(junk: str) -> None:
    arrangement = found(*GOOD, junk, folders=(junk.rpartition("/")[0], "train/.ipynb_checkpoints"))
    assert [photo.path for photo in arrangement.photos] == sorted(GOOD)
    assert [len(paths) for paths in arrangement.left_out.values()] == [1]


@pytest.mark.parametrize("top", ["", "dogs/"])
def test_harmless_files_beside_the_top_folder_do_not_hide_it(top: str) -> None:
    arrangement = found(*(f"x/{path}" for path in GOOD), f"{top}README.md", "__MACOSX/a", folders=("empty",))
    assert [photo.path for photo in arrangement.photos] == sorted(GOOD)
    assert sorted(arrangement.left_out) == ["hidden or system file", "no image by its name"]


def test_hidden_folders_are_counted_once() -> None:
    arrangement = found(*GOOD, ".git/a", ".git/b/c", "train/.trash/1.jpg")
    assert arrangement.left_out == {"hidden or system file": (".git", "train/.trash")}


@pytest.mark.parametrize("name", ["1.HEIC", "1.gif", "1.bmp", "1.tif", "1.ppm", "1.NEF"])
def test_photos_in_other_formats_are_not_left_out_in_silence(name: str) -> None:
    assert f"train/cat/{name}" in arrange(*GOOD, f"train/cat/{name}")


def test_a_source_without_images_says_what_there_is() -> None:
    assert refusal("a.txt", "b.txt", "data.zip") == (
        "The source holds no image, but 2 .txt, 1 .zip. Give the path of one zip as the source."
    )
    assert "but 2 without suffix. Images are found by their names: .jpg" in refusal("cat/1", "dog/2")
    assert "but 1 hidden or system file(s)" in refusal(".git/x")
    assert refusal().startswith("The source holds no file. Arrange the images as train/<class>/<file>")


def test_two_names_for_the_same_split_are_refused() -> None:
    assert "The folders val and valid are the same split, valid. Keep one" in refusal(*GOOD, "val/cat/1.jpg")


@pytest.mark.parametrize("files", [["1.jpg"], ["one/cat/1.jpg", "two/cat/1.jpg"]])
def test_what_has_neither_splits_nor_classes_is_refused(files: list[str]) -> None:
    assert "The data set has no folder train, but " in (message := refusal(*files))
    assert "Arrange the images as" in message


def test_a_data_set_without_train_says_what_was_found() -> None:
    message = refusal(*(path.replace("valid", "val") for path in GOOD if not path.startswith("train")))
    assert message.startswith("The data set has no folder train, but test (as test), val (as valid). Rename")


def test_a_class_missing_in_one_split_is_named() -> None:
    message = refusal(*without("valid/dog/1.jpg"))
    assert "Every class needs images in train, valid, test: class folder valid/dog is missing. Put" in message


def test_an_empty_class_folder_is_named() -> None:
    files = [f"top/{path}" for path in without("test/dog/1.jpg")]
    assert "class folder test/dog is empty" in refusal(*files, folders=("top/", "top/test/dog/"))


def test_an_empty_folder_among_class_folders_is_named() -> None:
    assert "class folder train/owl is empty" in refusal("cat/1.jpg", "dog/1.jpg", folders=("owl",))


def test_a_class_that_is_an_empty_folder_in_one_split_only_is_named_everywhere() -> None:
    message = "train/owl is empty; class folder valid/owl is missing; class folder test/owl is missing"
    assert message in refusal(*GOOD, folders=("train/owl",))


@pytest.mark.parametrize("folders", [("test/",), ("test/", "test/cat/"), ("Test",)])
def test_an_empty_split_is_named(folders: tuple[str, ...]) -> None:
    message = refusal(*without("test/cat/1.jpg", "test/dog/1.jpg"), folders=folders)
    assert "est (split test) is empty" in message
    assert "or remove the folder: it is then cut from train." in message


def test_a_single_class_is_refused() -> None:
    message = refusal(*(path for path in GOOD if "cat" in path))
    assert "The data set has 1 class (cat), and a classifier needs at least 2. Give each class" in message


@pytest.mark.parametrize("stray", ["1.jpg", "train/1.jpg", "train/cat/deep/1.jpg", "extra/cat/1.jpg"])
def test_an_image_in_the_wrong_place_is_named_with_what_was_found(stray: str) -> None:
    message = refusal(*GOOD, stray)
    assert f"1 image(s) in the wrong place: {stray}. Only <split>/<class>/<file> is allowed here" in message
    assert "(found: train as train, valid as valid, test as test); move" in message


@pytest.mark.parametrize("stray", ["1.jpg", "cat/deep/1.jpg"])
def test_an_image_in_the_wrong_place_among_class_folders_is_named(stray: str) -> None:
    message = refusal("cat/1.jpg", "dog/1.jpg", stray)
    assert f"1 image(s) in the wrong place: {stray}. Only <class>/<file> is allowed here" in message


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x" * 252 + ".jpg", "is 256 bytes long, and 255 is the limit"),
        ("a\nb.jpg", r"has '\n'"),
        ("\udcff.jpg", r"has '\udcff'"),
        ("gpj.\u202ea.jpg", r"has '\u202e'"),
    ],
)
def test_a_name_that_cannot_be_stored_is_named(name: str, reason: str) -> None:
    message = refusal(*GOOD, f"train/cat/{name}")
    assert message.startswith("1 name(s) that cannot be stored: ")
    assert reason in message
    assert message.endswith("Rename them with letters, digits, '.', '_' and '-'.")


def test_a_message_shows_odd_characters_escaped() -> None:
    assert r"wrong place: train/a\x1b[2J\n1.jpg. Only" in refusal(*GOOD, "train/a\x1b[2J\n1.jpg")


@pytest.mark.parametrize(
    "name",
    [
        *("x" * 251 + ".jpg", "IMG (1).jpg", "naïve café.png", "犬.jpg", "photo[1].jpg", "IMG~1.jpg"),
        *("a#b?.jpg", "100%.jpg", '{a}<b>|c^`".jpg', "\U0001f468\u200d\U0001f469.jpg"),
    ],
)
def test_ordinary_names_are_accepted(name: str) -> None:
    assert f"train/cat/{name}" in arrange(*GOOD, f"train/cat/{name}")


def test_composed_and_decomposed_letters_are_one_class() -> None:
    composed, decomposed = "b\u00e4r", unicodedata.normalize("NFD", "b\u00e4r")
    given = [path.replace("cat", composed if path.startswith("train") else decomposed) for path in GOOD]
    assert sorted(arrange(*given)) == sorted(path.replace("cat", composed) for path in GOOD)


def test_two_photos_whose_names_become_one_are_both_kept() -> None:
    given = ["b\u00e4r/1.jpg", unicodedata.normalize("NFD", "b\u00e4r/1.jpg"), "cat/1.jpg"]
    assert sorted(arrange(*given)) == ["train/b\u00e4r/1 (2).jpg", "train/b\u00e4r/1.jpg", "train/cat/1.jpg"]
    assert set(arrange(*given).values()) == set(given)


def test_a_number_that_a_photo_has_already_is_passed_over() -> None:
    given = ["a/x (2).jpg", "a/x.jpg", "a/x.jpg ", "a/x.jpg  ", "b/y.jpg"]
    assert arrange(*given) == {
        "train/a/x (2).jpg": "a/x (2).jpg",
        "train/a/x.jpg": "a/x.jpg",
        "train/a/x (3).jpg": "a/x.jpg ",
        "train/a/x (4).jpg": "a/x.jpg  ",
        "train/b/y.jpg": "b/y.jpg",
    }


def test_many_names_that_become_the_same_are_numbered_at_once() -> None:
    """To try each number again for each of them took 10 s."""
    names = ["".join(" \t"[number >> bit & 1] for bit in range(10)) for number in range(1_000)]
    started = time.process_time()
    assert len(arrange("b/y.jpg", *(f"a/x.jpg{name}" for name in names))) == 1_001
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "form", ["train\\{}\\1.jpg", "./train/{}/1.jpg", "train/{} / 1.jpg", "train//{}/1.jpg"]
)
def test_paths_are_read_as_other_systems_write_them(form: str) -> None:
    assert sorted(arrange(form.format("cat"), form.format("dog"))) == sorted(TRAIN)


def test_only_the_first_few_problems_are_shown_and_the_rest_counted() -> None:
    message = refusal(*GOOD, *(f"{number}.jpg" for number in range(9)))
    assert "9 image(s) in the wrong place: 0.jpg; 1.jpg; 2.jpg; 3.jpg; 4.jpg; and 4 more" in message


def test_a_listing_keeps_how_each_photo_is_read() -> None:
    arrangement = found(*(f"top/{path}" for path in GOOD), folders=("top",))
    assert [photo.path for photo in arrangement.photos] == sorted(GOOD)
    assert [photo.read().decode() for photo in arrangement.photos] == sorted(f"top/{path}" for path in GOOD)


def test_classes_are_checked_again_without_left_out_images() -> None:
    with pytest.raises(DatasetLayoutError, match="class folder train/cat is empty"):
        check_classes(paths=without("train/cat/1.jpg"), folders={"train/cat"})
