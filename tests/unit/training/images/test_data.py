"""Channels become classes and splits, or an error that names what is wrong."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from imgclf.distributed import World
from imgclf.errors import DataError
from imgclf.images.data import Channels, Dataset, index_images

CPU = torch.device("cpu")
ALONE = World(rank=0, size=1, local_rank=0, host="localhost", device=CPU)


class Pretended(World):
    """One of two processes; the other holds what `other` says."""

    other: Any = None

    def gather(self, value: Any) -> list[Any]:
        theirs = value if self.other is None else self.other(value)
        return [value, theirs] if self.rank == 0 else [theirs, value]


def channels(root: Path) -> Channels:
    manifest = root / "manifest.json"
    return Channels(
        train=root / "train",
        valid=root / "valid",
        test=root / "test",
        manifest=manifest if manifest.exists() else None,
        weights=None,
    )


def ids(data: Dataset, split: str = "train") -> list[str]:
    part = data.splits[split]
    return [part.image_id(index) for index in range(len(part.members))]


def test_folders_and_shards_hold_the_same_images(image_folder: Path, staged: Path) -> None:
    plain, sharded = index_images(channels(image_folder), ALONE), index_images(channels(staged), ALONE)
    assert plain.classes == sharded.classes == ["001.cat", "002.dog"]
    assert sorted(ids(plain)) == sorted(ids(sharded))
    assert sharded.splits["train"].total == 12
    assert sharded.data_hash == "ab" * 32


def test_labels_are_positions_in_the_sorted_classes(staged: Path) -> None:
    split = index_images(channels(staged), ALONE).splits["train"]
    assert [split.members[i].class_name for i in range(12)] == [
        ["001.cat", "002.dog"][n] for n in split.labels
    ]


@pytest.mark.parametrize("source", ["image_folder", "staged"])
def test_two_processes_own_disjoint_halves(source: str, request: pytest.FixtureRequest) -> None:
    root = request.getfixturevalue(source)
    first = ids(index_images(channels(root), Pretended(rank=0, size=2, local_rank=0, host="a", device=CPU)))
    second = ids(index_images(channels(root), Pretended(rank=1, size=2, local_rank=0, host="b", device=CPU)))
    assert len(first) == len(second) == 6
    assert sorted(first + second) == sorted(ids(index_images(channels(root), ALONE)))


@pytest.mark.parametrize("source", ["image_folder", "staged"])
def test_hosts_with_all_images_know_the_whole_split_too(source: str, request: pytest.FixtureRequest) -> None:
    root = request.getfixturevalue(source)
    whole = index_images(channels(root), ALONE).splits["train"]
    replica = (
        index_images(channels(root), Pretended(rank=1, size=2, local_rank=0, host="b", device=CPU))
        .splits["train"]
        .replica
    )
    assert replica is not None
    assert (replica.is_replicated, whole.is_replicated, replica.total) == (True, False, 12)
    assert replica.positions.tolist() == list(range(12)) == whole.positions.tolist()
    assert [replica.image_id(index) for index in range(12)] == [whole.image_id(index) for index in range(12)]
    assert replica.labels.tolist() == whole.labels.tolist()


def test_a_host_owns_the_shards_it_was_sent(staged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ShardedByS3Key: this host has one of three shards of `train`; positions still count over all."""
    for path in (staged / "train").glob("shard-0000[02].tar"):
        path.unlink()
    theirs = {f"train/shard-0000{number}.tar": 12 for number in (0, 2)}
    monkeypatch.setattr(
        Pretended, "other", staticmethod(lambda held: theirs if "train" in next(iter(held)) else {})
    )
    split = index_images(
        channels(staged), Pretended(rank=0, size=2, local_rank=0, host="a", device=CPU)
    ).splits["train"]
    assert (split.total, split.positions.tolist()) == (12, [4, 5, 6, 7])
    assert split.replica is None


def test_a_shard_on_no_host_is_named(staged: Path) -> None:
    (staged / "train" / "shard-00001.tar").unlink()
    with pytest.raises(DataError, match=r"train/shard-00001\.tar of the manifest is on no host"):
        index_images(channels(staged), ALONE)


def test_a_missing_channel_is_named(image_folder: Path) -> None:
    with pytest.raises(DataError, match="channel 'valid' is missing"):
        index_images(replace(channels(image_folder), valid=None), ALONE)


def test_a_missing_folder_is_named(image_folder: Path) -> None:
    shutil.rmtree(image_folder / "test")
    with pytest.raises(DataError, match="channel 'test': there is no folder"):
        index_images(channels(image_folder), ALONE)


def test_a_class_missing_in_one_split_is_named(image_folder: Path) -> None:
    shutil.rmtree(image_folder / "valid" / "002.dog")
    with pytest.raises(DataError, match=r"split 'valid' has no images of class '002\.dog'"):
        index_images(channels(image_folder), ALONE)


def test_an_empty_split_is_named(image_folder: Path) -> None:
    for path in (image_folder / "test").glob("*/*"):
        path.unlink()
    with pytest.raises(DataError, match="split 'test' is empty"):
        index_images(channels(image_folder), ALONE)


def edit_manifest(root: Path, **changes: Any) -> None:
    path = root / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_class_count_that_differs_from_the_manifest_is_named(staged: Path) -> None:
    edit_manifest(staged, classes=["001.cat", "002.dog", "003.owl"])
    with pytest.raises(DataError, match=r"no images of class '003\.owl'"):
        index_images(channels(staged), ALONE)


def test_an_image_of_an_unlisted_class_is_named(staged: Path) -> None:
    edit_manifest(staged, classes=["001.cat"])
    with pytest.raises(DataError, match=r"002\.dog/.*its class is not in the manifest"):
        index_images(channels(staged), ALONE)


@pytest.mark.parametrize("text", ["{}", "no json", "[]", '{"format": 2, "classes": []}'])
def test_a_manifest_of_another_kind_is_refused(staged: Path, text: str) -> None:
    (staged / "manifest.json").write_text(text)
    with pytest.raises(DataError, match="no data-set manifest"):
        index_images(channels(staged), ALONE)


def test_a_shard_of_another_length_is_refused(staged: Path) -> None:
    path = staged / "train" / "shard-00000.tar"
    path.write_bytes(path.read_bytes()[:-512])
    with pytest.raises(DataError, match="has not the"):
        index_images(channels(staged), ALONE)


def test_hosts_with_different_folders_are_refused(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pretended, "other", staticmethod(lambda _: {"train/#0": 9}))
    with pytest.raises(DataError, match="hosts hold different images of split 'train'"):
        index_images(channels(image_folder), Pretended(rank=0, size=2, local_rank=0, host="a", device=CPU))


def test_a_data_set_of_one_class_is_refused(image_folder: Path) -> None:
    for split in ("train", "valid", "test"):
        shutil.rmtree(image_folder / split / "002.dog")
    with pytest.raises(DataError, match=r"the data set has no class but 001.cat: add images of another one"):
        index_images(channels(image_folder), ALONE)
