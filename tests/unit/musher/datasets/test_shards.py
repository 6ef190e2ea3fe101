"""Shards are plain tars with the same bytes for the same images."""

import hashlib
import io
import tarfile

import pytest

from musher.datasets import shards
from musher.datasets.manifest import ImageRecord
from musher.datasets.shards import pack_shard, plan_shards


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


def pack(images: list[ImageRecord]) -> tuple[shards.ShardRecord, bytes]:
    return pack_shard(key="train/shard-00000.tar", images=images, load=lambda image: content(image.path))


def opened(data: bytes) -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(data), mode="r:")


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


def test_a_shard_has_the_same_bytes_every_time_and_says_so() -> None:
    (first, data), (second, again) = pack(records(3)), pack(records(3))
    assert (first, data) == (second, again)
    assert (first.bytes, first.sha256, first.images) == (len(data), hashlib.sha256(data).hexdigest(), 18)


@pytest.mark.parametrize("count", [1, 7, 40])
def test_the_bytes_are_those_that_tarfile_writes(count: int) -> None:
    expected = io.BytesIO()
    with tarfile.open(fileobj=expected, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for image in records(count):
            info = tarfile.TarInfo(image.member)
            info.size = image.bytes
            tar.addfile(info, io.BytesIO(content(image.path)))
    assert pack(records(count))[1] == expected.getvalue()


@pytest.mark.parametrize("size", [0, 7, 8, 18_300, 32 * 1024 * 1024])
@pytest.mark.parametrize(
    "name", ["a/b.jpg", "x" * 100, f"{'c' * 60}/{'x' * 60}.jpg", "Bär/ß.jpg", "c d/~.png"]
)
def test_each_header_is_the_one_that_tarfile_writes(name: str, size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size = size
    image = ImageRecord(path=f"train/{name}", sha256="", bytes=size)
    _, data = pack_shard(key="train/shard-00000.tar", images=[image], load=lambda _: bytes(size))
    header = info.tobuf(format=tarfile.PAX_FORMAT)
    assert data[: len(header)] == header
    assert len(data) - size >= len(header)


def test_members_are_class_and_file_without_owner_or_time() -> None:
    images = records(1)[:2]
    with opened(pack(images)[1]) as tar:
        members = tar.getmembers()
        assert [member.name for member in members] == ["cat/0.jpg", "dog/0.jpg"]
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {
            (0, 0, 0, "", "", 0o644)
        }
        file = tar.extractfile("cat/0.jpg")
        assert file is not None
        assert file.read() == content("train/cat/0.jpg")


def test_long_and_foreign_names_survive() -> None:
    path = f"train/{'犬' * 80}/{'x' * 250}.jpg"
    data = content(path)
    image = ImageRecord(path=path, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    with opened(pack([image])[1]) as tar:
        assert tar.getnames() == [image.member]
