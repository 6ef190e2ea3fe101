"""Features keep their images, labels and places through files; what does not fit is refused with a reason."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from imgclf.distributed import World
from imgclf.errors import DataError
from imgclf.features import store
from imgclf.features.store import (
    FeatureInputs,
    FeatureSource,
    FeatureWriter,
    backbone_hash,
    describe_features,
    read_features,
    write_features,
)
from imgclf.images.data import Dataset
from imgclf.images.inputs import Variation
from imgclf.networks.models import build_model, preset_for

CPU = torch.device("cpu")
ALONE = World(rank=0, size=1, local_rank=0, host="localhost", device=CPU)
PRESET = preset_for(architecture="resnet18", image_size=64)
SOURCE = FeatureSource(
    data_hash="ab" * 32, backbone_hash="cd" * 32, architecture="resnet18", image_size=64, preset=PRESET
)
VIEWS, DIM = 3, 4


@dataclass(frozen=True)
class Replicated(World):
    """One of several processes that all see the same files."""

    def gather(self, value: Any) -> list[Any]:
        """Return this process's value as that of each process."""
        return [value] * self.size


def features_of(count: int, views: int = VIEWS) -> torch.Tensor:
    """Return features that tell image, view and place in the vector."""
    return torch.arange(count * views * DIM, dtype=torch.float32).view(count, views, DIM)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write 10 training images by two processes in shards of about three, and 4 of valid and test."""
    splits: dict[str, Any] = {}
    for name, count, views in (("train", 10, VIEWS), ("valid", 4, 1), ("test", 4, 1)):
        shards = []
        for rank in (0, 1):
            writer = FeatureWriter(tmp_path, split=name, rank=rank, shard_images=3)
            for places in np.array_split(np.arange(rank, count, 2), 3):
                writer.add(features_of(count, views)[places], labels=places % 2, positions=places)
            shards += writer.close()
        splits[name] = {"images": count, "views": views, "shards": shards}
    data = Dataset(
        classes=["001.cat", "002.dog"],
        splits={},
        data_hash=SOURCE.data_hash,
        bad_images=["train/001.cat/x.jpg: broken"],
    )
    engine = {"name": "eager", "img_per_s": 9.5, "measured": {"eager": 9.5}}
    manifest = describe_features(source=SOURCE, data=data, views=VIEWS, dim=DIM, engine=engine, splits=splits)
    write_features(tmp_path, manifest)
    return tmp_path


def test_what_was_written_is_read_in_the_order_of_the_split(folder: Path) -> None:
    found = read_features(folder, ALONE)
    train = found.inputs["train"]
    assert train.split.positions.tolist() == list(range(10))
    assert train.split.labels.tolist() == [place % 2 for place in range(10)]
    assert torch.equal(train.features, features_of(10))
    assert (found.data.classes, found.data.data_hash) == (["001.cat", "002.dog"], "ab" * 32)
    assert found.data.bad_images == ["train/001.cat/x.jpg: broken"]
    assert found.inputs["valid"].features.shape == (4, 1, DIM)
    assert train.split.image_id(3) == "train/3"


def test_features_json_says_what_the_shards_are(folder: Path) -> None:
    manifest = json.loads((folder / "features.json").read_text())
    assert {name: manifest[name] for name in ("format", "views", "dim", "architecture", "image_size")} == {
        "format": 1,
        "views": 3,
        "dim": 4,
        "architecture": "resnet18",
        "image_size": 64,
    }
    shards = manifest["splits"]["train"]["shards"]
    assert [shard["key"] for shard in shards][:2] == [
        "train-0-00000.safetensors",
        "train-0-00001.safetensors",
    ]
    assert sum(shard["images"] for shard in shards) == 10
    assert not list(folder.glob("*.partial"))


def test_processes_that_see_the_same_files_share_the_images_out(folder: Path) -> None:
    parts = [
        read_features(folder, Replicated(rank=rank, size=3, local_rank=0, host="host", device=CPU)).inputs[
            "train"
        ]
        for rank in range(3)
    ]
    assert [part.split.positions.tolist() for part in parts] == [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]
    assert all(part.split.total == 10 for part in parts)
    assert torch.equal(parts[1].features, features_of(10)[[1, 4, 7]])


def test_batches_are_the_plain_view_unless_an_epoch_varies_them(folder: Path) -> None:
    inputs = read_features(folder, ALONE).inputs["train"]
    steps = [np.array([7, 2]), np.array([], dtype=np.int64)]
    plain, empty = inputs.batches(steps)
    assert torch.equal(plain, features_of(10)[[7, 2], 0])
    assert empty.shape == (0, DIM)


def test_the_view_depends_on_seed_epoch_and_position_only() -> None:
    split = read_split(200)
    inputs = FeatureInputs(split, features_of(200))

    def drawn(seed: int, epoch: int, owned: FeatureInputs = inputs) -> torch.Tensor:
        variation = Variation(PRESET, total=200, seed=seed, epoch=epoch)
        [batch] = owned.batches([np.arange(len(owned.split.positions))], variation=variation)
        return (batch[:, 0] / DIM % VIEWS).long()

    first = drawn(1, 1)
    assert torch.bincount(first, minlength=VIEWS).min() > 40
    assert torch.equal(first, drawn(1, 1))
    assert not torch.equal(first, drawn(1, 2))
    assert not torch.equal(first, drawn(2, 1))
    odd = replace(split, positions=split.positions[1::2], labels=split.labels[1::2])
    assert torch.equal(drawn(1, 1, FeatureInputs(odd, features_of(200)[1::2])), first[1::2])


def read_split(count: int) -> Any:
    """Return a split of which only the places matter."""
    from imgclf.features.store import FeatureSplit

    places = np.arange(count)
    return FeatureSplit(name="train", total=count, positions=places, labels=places % 2, members=[])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"backbone_hash": "ef" * 32}, "these feature shards are from another backbone: pass the weights"),
        ({"data_hash": "ef" * 32}, "these feature shards are from another data set"),
        ({"architecture": "resnet50"}, "features have architecture resnet18, this job has resnet50"),
        ({"image_size": 224}, "features have image_size 64, this job has 224"),
        ({"preset": replace(PRESET, resize_size=70)}, "images are prepared in another way now"),
    ],
)
def test_features_of_something_else_are_refused(folder: Path, change: dict[str, Any], reason: str) -> None:
    found = read_features(folder, ALONE)
    found.check(SOURCE)
    with pytest.raises(DataError, match=reason):
        found.check(replace(SOURCE, **change))


def test_a_folder_that_embed_did_not_finish_is_refused(folder: Path) -> None:
    (folder / "features.json").unlink()
    with pytest.raises(DataError, match=r"features\.json is missing; pass a folder that embed\.py finished"):
        read_features(folder, ALONE)


def test_damage_is_named(folder: Path) -> None:
    shard = folder / "valid-0-00000.safetensors"
    shard.write_bytes(shard.read_bytes()[:-1] + b"\x07")
    with pytest.raises(DataError, match=r"valid-0-00000\.safetensors is damaged, its SHA-256"):
        read_features(folder, ALONE)
    shard.unlink()
    with pytest.raises(DataError, match=r"shard valid-0-00000\.safetensors of features\.json is on no host"):
        read_features(folder, ALONE)


@pytest.mark.parametrize("text", ['{"format": 2}', "[", '{"form'])
def test_another_manifest_is_refused(folder: Path, text: str) -> None:
    (folder / "features.json").write_text(text)
    with pytest.raises(DataError, match=r"run embed\.py again"):
        read_features(folder, ALONE)


def test_a_full_disk_leaves_the_shards_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = FeatureWriter(tmp_path, split="train", rank=0, shard_images=2)
    places = np.arange(2)
    writer.add(features_of(2), labels=places, positions=places)

    def full(tensors: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "save_file", full)
    with pytest.raises(DataError, match=r"No space left on device\): give the job a larger volume"):
        writer.add(features_of(2), labels=places, positions=places + 2)
    assert [path.name for path in tmp_path.iterdir()] == ["train-0-00000.safetensors"]


def test_the_backbone_hash_tells_weights_apart_and_nothing_else() -> None:
    def built(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return build_model(architecture="resnet18", classes=2, freeze_backbone=True).backbone

    first = built(1)
    assert backbone_hash(first) == backbone_hash(built(1)) != backbone_hash(built(2))
    first.get_buffer("bn1.num_batches_tracked").add_(1)
    assert backbone_hash(first) == backbone_hash(built(1))
    first.get_buffer("bn1.running_mean").add_(1e-6)
    assert backbone_hash(first) != backbone_hash(built(1))
