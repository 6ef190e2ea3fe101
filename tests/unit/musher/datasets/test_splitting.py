"""Missing splits are cut from train by the photos' contents."""

import hashlib
from collections import Counter

import pytest

from musher.datasets.manifest import ImageRecord
from musher.datasets.splitting import SplitShares, cut_splits
from musher.errors import DatasetLayoutError


def image(path: str, content: str = "") -> ImageRecord:
    return ImageRecord(path=path, sha256=hashlib.sha256((content or path).encode()).hexdigest(), bytes=1)


def train(*, classes: str = "abc", count: int = 200) -> list[ImageRecord]:
    return [image(f"train/{name}/{number:04d}.jpg") for name in classes for number in range(count)]


def places(images: tuple[ImageRecord, ...]) -> dict[str, str]:
    return {found.member: found.split for found in images}


def test_nothing_is_cut_where_nothing_is_missing() -> None:
    given = [image("test/a/1.jpg"), image("train/a/1.jpg"), image("valid/a/1.jpg")]
    assert cut_splits(given, missing=(), shares=SplitShares()) == tuple(given)


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        (("valid", "test"), {"train": 0.7, "valid": 0.2, "test": 0.1}),
        (("valid",), {"train": 0.8, "valid": 0.2}),
        (("test",), {"train": 0.9, "test": 0.1}),
    ],
)
def test_each_class_is_cut_by_about_the_same_shares(
    missing: tuple[str, ...], expected: dict[str, float]
) -> None:
    cut = cut_splits(train(count=2000), missing=missing, shares=SplitShares(valid=0.2, test=0.1))
    counts = Counter((found.class_name, found.split) for found in cut)
    assert len(counts) == 3 * len(expected)
    for (_, split), count in counts.items():
        assert count / 2000 == pytest.approx(expected[split], abs=0.03)


def test_the_result_is_sorted_and_keeps_every_image() -> None:
    cut = cut_splits(train(), missing=("valid", "test"), shares=SplitShares())
    assert [found.path for found in cut] == sorted(found.path for found in cut)
    assert sorted(found.sha256 for found in cut) == sorted(found.sha256 for found in train())


def test_a_photo_stays_in_its_split_when_others_are_added_or_renamed() -> None:
    few = places(cut_splits(train(count=60), missing=("valid", "test"), shares=SplitShares()))
    many = places(cut_splits(train(count=600), missing=("valid", "test"), shares=SplitShares()))
    assert few.items() <= many.items()
    renamed = [
        image(f"train/{found.class_name}/x{found.member[2:]}", found.path) for found in train(count=60)
    ]
    cut = cut_splits(renamed, missing=("valid", "test"), shares=SplitShares())
    assert {found.member.replace("/x", "/"): found.split for found in cut} == few


def test_a_split_that_exists_takes_none_and_keeps_its_own() -> None:
    given = [*train(), image("valid/a/v.jpg")]
    whole = places(cut_splits(train(), missing=("valid", "test"), shares=SplitShares()))
    cut = cut_splits(given, missing=("test",), shares=SplitShares())
    assert [found.path for found in cut if found.split == "valid"] == ["valid/a/v.jpg"]
    tested = {member for member, split in whole.items() if split == "test"}
    assert {found.member for found in cut if found.split == "test"} == tested


def test_copies_go_together_across_names_and_classes() -> None:
    given = [image(f"train/{name}/{n}.jpg", str(n % 100)) for name in "ab" for n in range(300)]
    splits: dict[str, set[str]] = {}
    for found in cut_splits(given, missing=("valid", "test"), shares=SplitShares()):
        splits.setdefault(found.sha256, set()).add(found.split)
    assert {len(members) for members in splits.values()} == {1}


def test_another_seed_cuts_in_another_way() -> None:
    cuts = [
        places(cut_splits(train(), missing=("test",), shares=SplitShares(seed=seed))) for seed in (0, 0, 1)
    ]
    assert cuts[0] == cuts[1] != cuts[2]


@pytest.mark.parametrize("count", [3, 4, 5, 7])
def test_every_class_has_a_photo_in_every_split(count: int) -> None:
    given = train(classes="abcdefghijklmnopqrstuvwxyz", count=count)
    cut = cut_splits(given, missing=("valid", "test"), shares=SplitShares(valid=0.01, test=0.01))
    assert len({(found.class_name, found.split) for found in cut}) == 26 * 3
    cut = cut_splits(given, missing=("valid", "test"), shares=SplitShares(valid=0.4, test=0.4))
    assert len({(found.class_name, found.split) for found in cut}) == 26 * 3


def test_a_class_with_too_few_different_photos_is_named() -> None:
    given = [
        *train(),
        *(image(f"train/z/{number}.jpg", "same") for number in range(9)),
        image("train/y/1.jpg"),
    ]
    with pytest.raises(DatasetLayoutError) as caught:
        cut_splits(given, missing=("valid", "test"), shares=SplitShares())
    assert str(caught.value) == (
        "Each class needs at least 3 different images in train, one for train and one for each split that is "
        "cut from it (valid, test): y has 1; z has 1. Add images to these classes, or remove their folders."
    )
