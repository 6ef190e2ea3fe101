"""Paths become splits and classes, or are refused by name."""

import pytest

from musher.datasets.layout import MAX_NAME_BYTES, Listing, Photo, arrange, arrange_listing, check_classes
from musher.errors import DatasetLayoutError

GOOD = [f"{split}/{name}/1.jpg" for split in ("train", "valid", "test") for name in ("cat", "dog")]


def without(*paths: str) -> list[str]:
    return [path for path in GOOD if path not in paths]


@pytest.mark.parametrize("top", ["", "dogImages/", "a/b/"])
def test_single_top_folders_are_looked_through(top: str) -> None:
    assert arrange(files=[top + path for path in GOOD]) == {path: top + path for path in GOOD}


@pytest.mark.parametrize("alias", ["val", "validation"])
def test_other_names_of_the_valid_split_are_accepted(alias: str) -> None:
    given = [path.replace("valid/", f"{alias}/") for path in GOOD]
    assert sorted(arrange(files=given)) == sorted(GOOD)


def test_what_file_managers_leave_behind_is_ignored() -> None:
    junk = [
        "__MACOSX/x/._1.jpg",
        "photos/.DS_Store",
        "photos/train/cat/Thumbs.db",
        "photos/train/cat/._1.jpg",
    ]
    assert len(arrange(files=[f"photos/{path}" for path in GOOD] + junk, folders=["__MACOSX/"])) == 6


def test_two_names_for_the_same_split_are_refused() -> None:
    with pytest.raises(DatasetLayoutError, match=r"folders val and valid are the same split\. Keep one"):
        arrange(files=[*GOOD, "val/cat/1.jpg"])


@pytest.mark.parametrize("files", [[], ["cat/1.jpg", "dog/2.jpg"], ["one/cat/1.jpg"]])
def test_a_folder_without_splits_is_refused(files: list[str]) -> None:
    with pytest.raises(
        DatasetLayoutError, match=r"no folder train, valid or test, but .*Arrange the images as"
    ):
        arrange(files=files)


def test_a_class_missing_in_one_split_is_named() -> None:
    with pytest.raises(DatasetLayoutError, match=r"class folder valid/dog is missing\. Move some images"):
        arrange(files=without("valid/dog/1.jpg"))


def test_an_empty_class_folder_is_named() -> None:
    with pytest.raises(DatasetLayoutError, match="class folder test/dog is empty"):
        arrange(files=[f"top/{p}" for p in without("test/dog/1.jpg")], folders=["top/", "top/test/dog/"])


def test_a_class_that_is_an_empty_folder_in_one_split_only_is_named_everywhere() -> None:
    message = "train/owl is empty; class folder valid/owl is missing; class folder test/owl is missing"
    with pytest.raises(DatasetLayoutError, match=message):
        arrange(files=GOOD, folders=["train/owl"])


@pytest.mark.parametrize(
    ("folders", "words"), [([], "split test has no images"), (["test/"], "split test is empty")]
)
def test_an_empty_split_is_named(folders: list[str], words: str) -> None:
    with pytest.raises(DatasetLayoutError, match=words):
        arrange(files=without("test/cat/1.jpg", "test/dog/1.jpg"), folders=folders)


def test_a_single_class_is_refused() -> None:
    with pytest.raises(DatasetLayoutError, match=r"has 1 class \(cat\), and a classifier needs at least 2"):
        arrange(files=[path for path in GOOD if "cat" in path])


@pytest.mark.parametrize("stray", ["README.txt", "train/1.jpg", "train/cat/deep/1.jpg", "extra/cat/1.jpg"])
def test_a_file_in_the_wrong_place_is_named(stray: str) -> None:
    with pytest.raises(DatasetLayoutError, match=rf"1 file\(s\) in the wrong place: {stray}\. Only <split>"):
        arrange(files=[*GOOD, stray])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x" * (MAX_NAME_BYTES + 1), "is 256 bytes long, and 255 is the limit"),
        ("é" * 128, "is 256 bytes long"),
        ("a\nb.jpg", r"has '\\n'"),
        ("a\\b.jpg", r"has '\\\\'"),
        ("a#b?.jpg", "has '#'"),
        (" a.jpg", "spaces around it"),
        ("..", "is empty, a dot"),
        ("\udcff.jpg", "has '"),
    ],
)
def test_a_name_that_cannot_be_stored_is_named(name: str, reason: str) -> None:
    with pytest.raises(DatasetLayoutError, match=rf"1 name\(s\) that cannot be stored: .*{reason}.*Rename"):
        arrange(files=[*GOOD, f"train/cat/{name}"])


def test_a_message_shows_odd_characters_escaped() -> None:
    with pytest.raises(DatasetLayoutError, match=r"wrong place: train/a\\x1b\[2J\\n1\.jpg\. Only"):
        arrange(files=[*GOOD, "train/a\x1b[2J\n1.jpg"])


@pytest.mark.parametrize("name", ["x" * 255, "IMG (1).jpg", "naïve café.png", "犬.jpg", "001.Affenpinscher"])
def test_ordinary_names_are_accepted(name: str) -> None:
    assert f"train/cat/{name}" in arrange(files=[*GOOD, f"train/cat/{name}"])


def test_only_the_first_few_problems_are_shown_and_the_rest_counted() -> None:
    with pytest.raises(DatasetLayoutError, match=r"9 file\(s\).* 0\.txt; .*4\.txt; and 4 more"):
        arrange(files=[*GOOD, *(f"{number}.txt" for number in range(9))])


def test_a_listing_keeps_how_each_photo_is_read() -> None:
    photos = tuple(Photo(path=f"top/{path}", size=1, read=path.encode) for path in GOOD)
    arranged = arrange_listing(Listing(photos=photos, folders=frozenset({"top"})))
    assert [photo.path for photo in arranged] == sorted(GOOD)
    assert [photo.read().decode() for photo in arranged] == sorted(GOOD)


def test_classes_are_checked_again_without_left_out_images() -> None:
    with pytest.raises(DatasetLayoutError, match="class folder train/cat is empty"):
        check_classes(paths=without("train/cat/1.jpg"), folders={"train/cat"})
