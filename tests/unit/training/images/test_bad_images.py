"""Undecodable images are counted, named and left out up to a limit, on all processes alike."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imgclf.distributed import World
from imgclf.errors import DataError
from imgclf.images.bad_images import skip_bad_images
from imgclf.images.data import Channels, Dataset
from imgclf.images.loading import load_dataset

CPU = torch.device("cpu")
ALONE = World(rank=0, size=1, local_rank=0, host="localhost", device=CPU)


class Recorded(World):
    """One of two processes; the other one's part of a gathered value is handed in."""

    theirs: Any = None

    def gather(self, value: Any) -> list[Any]:
        return [value, self.theirs] if self.rank == 0 else [self.theirs, value]


def load(root: Path, *, limit: int, world: World = ALONE) -> Dataset:
    channels = Channels(
        train=root / "train", valid=root / "valid", test=root / "test", manifest=None, weights=None
    )
    return load_dataset(channels, world, max_bad_images=limit)


def ids(data: Dataset, split: str) -> list[str]:
    part = data.splits[split]
    return [part.image_id(index) for index in range(len(part.members))]


@pytest.fixture
def damaged(image_folder: Path) -> Path:
    """Damage three images in two splits: one cut, one no image, one empty."""
    cut = image_folder / "train/001.cat/1.png"
    cut.write_bytes(cut.read_bytes()[:200])
    (image_folder / "train/002.dog/4.png").write_bytes(b"no image")
    (image_folder / "valid/002.dog/0.png").write_bytes(b"")
    return image_folder


def test_as_many_as_allowed_are_left_out_and_named(damaged: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        data = load(damaged, limit=3)
    assert [reason.partition(":")[0] for reason in data.bad_images] == [
        "train/001.cat/1.png",
        "train/002.dog/4.png",
        "valid/002.dog/0.png",
    ]
    assert "bad image 2 of at most 3 is skipped: train/002.dog/4.png: not an image" in caplog.text
    assert {name: split.total for name, split in data.splits.items()} == {"train": 10, "valid": 5, "test": 6}
    train = data.splits["train"]
    assert train.positions.tolist() == list(range(10))
    assert train.replica is not None
    assert train.replica.positions.tolist() == list(range(train.replica.total)) == list(range(10))
    assert [member.file_name for member in train.replica.members] == [m.file_name for m in train.members]
    assert not {"train/001.cat/1.png", "train/002.dog/4.png"} & set(ids(data, "train"))
    classes = [data.classes[label] for label in train.labels]
    assert classes == [member.class_name for member in train.members]


def test_a_class_that_had_bad_images_only_fails_the_job(image_folder: Path) -> None:
    for photo in (image_folder / "valid/002.dog").iterdir():
        photo.write_bytes(b"")
    reason = "without the 3 images that cannot be read, split 'valid' has no images of class '002.dog'"
    with pytest.raises(DataError, match=reason):
        load(image_folder, limit=10)


def test_one_more_fails_the_job_and_says_which(damaged: Path) -> None:
    with pytest.raises(DataError, match="3 images cannot be read, more than max_bad_images 2") as raised:
        load(damaged, limit=2)
    for name in ("train/001.cat/1.png", "train/002.dog/4.png", "valid/002.dog/0.png", "stage again"):
        assert name in str(raised.value)


def test_a_long_list_is_cut(image_folder: Path) -> None:
    for path in (image_folder / "train").glob("*/*.png"):
        path.write_bytes(b"x")
    with pytest.raises(DataError, match=r"12 images cannot be read.* and 7 more; replace"):
        load(image_folder, limit=1)


def test_sound_images_lose_nothing(image_folder: Path) -> None:
    strict, lenient = load(image_folder, limit=0), load(image_folder, limit=9)
    assert lenient.bad_images == []
    for name, split in strict.splits.items():
        assert ids(strict, name) == ids(lenient, name)
        assert np.array_equal(split.positions, lenient.splits[name].positions)


def test_without_a_limit_nothing_is_decoded_up_front(damaged: Path) -> None:
    """The loader then names the first bad image when a batch needs it."""
    assert load(damaged, limit=0).splits["train"].total == 12


@pytest.mark.parametrize("rank", [0, 1])
def test_processes_agree_on_what_is_left(damaged: Path, rank: int) -> None:
    """Even positions belong to rank 0; bad ones of both close up the positions of each."""
    whole = load(damaged, limit=0)
    parts = []
    for owner in (0, 1):
        splits = {}
        for name, split in whole.splits.items():
            mine = np.flatnonzero(split.positions % 2 == owner)
            members = [split.members[index] for index in mine]
            splits[name] = replace(
                split, positions=split.positions[mine], labels=split.labels[mine], members=members
            )
        parts.append(replace(whole, splits=splits))
    theirs = {
        "train": {1: "train/001.cat/1.png: cut"},
        "valid": {3: "valid/002.dog/0.png: empty"},
        "test": {},
    }
    if rank == 1:
        theirs = {"train": {10: "train/002.dog/4.png: no image"}, "valid": {}, "test": {}}
    world = Recorded(rank=rank, size=2, local_rank=0, host="a", device=CPU)
    object.__setattr__(world, "theirs", theirs)
    left = skip_bad_images(parts[rank], world, limit=3)
    assert len(left.bad_images) == 3
    assert left.splits["train"].total == 10
    expected = [[0, 1, 3, 5, 7], [2, 4, 6, 8, 9]][rank]
    assert left.splits["train"].positions.tolist() == expected
    with pytest.raises(DataError, match="3 images cannot be read"):
        skip_bad_images(parts[rank], world, limit=2)
