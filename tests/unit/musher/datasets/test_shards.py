"""Shards are plain tars with the same bytes for the same images."""

import hashlib
import tarfile
from pathlib import Path

import pytest

from musher.datasets import shards
from musher.datasets.manifest import ImageRecord
from musher.datasets.shards import plan_shards, write_shard
from musher.errors import DatasetSourceError


def content(path: str) -> bytes:
    return path.encode() * 10


def records(count: int) -> list[ImageRecord]:
    paths = [
        f"{split}/{name}/{number}.jpg"
        for split in ("train", "valid", "test")
        for name in ("cat", "dog")
        for number in range(count)
    ]
    return [
        ImageRecord(path=path, sha256=hashlib.sha256(content(path)).hexdigest(), bytes=len(content(path)))
        for path in paths
    ]


def write(images: list[ImageRecord], target: Path) -> shards.ShardRecord:
    read = {image.path: (lambda path=image.path: content(path)) for image in images}
    return write_shard(key="train/shard-00000.tar", images=images, read=read, target=target)


def test_small_data_make_two_train_shards_and_one_of_each_other_split() -> None:
    plan = plan_shards(records(5))
    assert {key: len(images) for key, images in plan.items()} == {
        "train/shard-00000.tar": 5,
        "train/shard-00001.tar": 5,
        "valid/shard-00000.tar": 10,
        "test/shard-00000.tar": 10,
    }


def test_every_image_is_in_one_shard_of_its_split() -> None:
    images = records(9)
    plan = plan_shards(images)
    assert sorted(image.path for shard in plan.values() for image in shard) == sorted(i.path for i in images)
    assert all(image.split == key.split("/")[0] for key, shard in plan.items() for image in shard)


def test_more_bytes_make_more_shards_of_even_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "TARGET_SHARD_BYTES", 1000)
    sizes = [len(images) for key, images in plan_shards(records(20)).items() if key.startswith("train")]
    assert len(sizes) == 7
    assert max(sizes) - min(sizes) <= 1


def test_the_order_mixes_classes_and_does_not_depend_on_the_order_given() -> None:
    images = records(20)
    plan = plan_shards(images)
    assert plan == plan_shards(images[::-1])
    assert len({image.class_name for image in plan["train/shard-00000.tar"][:8]}) == 2


def test_one_train_image_makes_one_shard() -> None:
    assert list(plan_shards(records(1)[:1])) == ["train/shard-00000.tar"]


def test_a_shard_has_the_same_bytes_every_time_and_says_so(tmp_path: Path) -> None:
    first = write(records(3), tmp_path / "1.tar")
    second = write(records(3), tmp_path / "2.tar")
    data = (tmp_path / "1.tar").read_bytes()
    assert first == second
    assert data == (tmp_path / "2.tar").read_bytes()
    assert (first.bytes, first.sha256, first.images) == (len(data), hashlib.sha256(data).hexdigest(), 18)


def test_members_are_class_and_file_without_owner_or_time(tmp_path: Path) -> None:
    images = records(1)[:2]
    write(images, tmp_path / "1.tar")
    with tarfile.open(tmp_path / "1.tar", "r:") as tar:
        members = tar.getmembers()
        assert [member.name for member in members] == ["cat/0.jpg", "dog/0.jpg"]
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {
            (0, 0, 0, "", "", 0o644)
        }
        file = tar.extractfile("cat/0.jpg")
        assert file is not None
        assert file.read() == content("train/cat/0.jpg")


def test_long_and_foreign_names_survive(tmp_path: Path) -> None:
    path = f"train/{'犬' * 80}/{'x' * 250}.jpg"
    data = content(path)
    image = ImageRecord(path=path, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    write([image], tmp_path / "1.tar")
    with tarfile.open(tmp_path / "1.tar", "r:") as tar:
        assert tar.getnames() == [image.member]


def test_an_image_that_changed_since_the_scan_is_refused(tmp_path: Path) -> None:
    image = records(1)[0]
    with pytest.raises(DatasetSourceError, match=r"train/cat/0.jpg changed while it was being staged. Run"):
        write_shard(key="k", images=[image], read={image.path: lambda: b"new"}, target=tmp_path / "1.tar")
