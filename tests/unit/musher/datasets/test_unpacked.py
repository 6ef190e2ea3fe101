"""A split's images as objects of their own: all of them, once, under names that S3 takes."""

import hashlib

import pytest

from benchmarks.hostile_tars import claimed
from musher.datasets.manifest import ImageRecord, Manifest, ShardRecord
from musher.datasets.s3_objects import S3Folder
from musher.datasets.shards import pack_shard
from musher.datasets.unpacked import unpack_split
from musher.errors import StagingError
from tests.unit.musher.datasets.conftest import MemoryS3

PATHS = ("test/cat/a.jpg", "test/cat/b#c.jpg", "test/dog/a.jpg", "train/cat/z.jpg")


def content(image: ImageRecord) -> bytes:
    return image.path.encode()


def record(path: str) -> ImageRecord:
    return ImageRecord(path=path, sha256=hashlib.sha256(path.encode()).hexdigest(), bytes=len(path))


@pytest.fixture
def folder(s3: MemoryS3) -> S3Folder:
    return S3Folder(s3=s3, bucket="ours", prefix="data")  # type: ignore[arg-type]  # in memory


def stage(folder: S3Folder, *, packed: int) -> Manifest:
    """Store a test shard with the first `packed` images; return the manifest of all."""
    images = tuple(record(path) for path in PATHS)
    of_test = [image for image in images if image.split == "test"]
    shard, body = pack_shard(key="test/shard-00000.tar", images=of_test[:packed], load=content)
    folder.put_once(shard.key, body=body, sha256=shard.sha256, content_type="application/x-tar")
    return Manifest(name="d", images=images, shards={"train": (), "valid": (), "test": (shard,)})


def test_each_image_of_the_split_is_stored_once_under_a_name_that_s3_takes(
    s3: MemoryS3, folder: S3Folder
) -> None:
    manifest = stage(folder, packed=3)
    s3.sent.clear()
    assert unpack_split(folder, manifest, split="test") == "s3://ours/data/unpacked/test/"
    *images, marker = s3.sent
    assert marker == "data/unpacked/test.complete"
    stored = {key: s3.get("ours", key) for key in images}
    mark = hashlib.sha256(b"cat/b#c.jpg").hexdigest()[:8]
    assert stored == {
        "data/unpacked/test/cat/a.jpg": b"test/cat/a.jpg",
        f"data/unpacked/test/cat/b-c-{mark}.jpg": b"test/cat/b#c.jpg",
        "data/unpacked/test/dog/a.jpg": b"test/dog/a.jpg",
    }
    s3.sent.clear()
    unpack_split(folder, manifest, split="test")
    assert s3.sent == []


def test_what_broke_off_is_gone_on_with(s3: MemoryS3, folder: S3Folder) -> None:
    manifest = stage(folder, packed=3)
    s3.sent.clear()
    s3.fail_after = 1
    with pytest.raises(Exception, match="come back later"):
        unpack_split(folder, manifest, split="test")
    first, s3.fail_after = list(s3.sent), None
    unpack_split(folder, manifest, split="test")
    assert sorted(s3.sent) == sorted(set(s3.sent))
    assert first == s3.sent[:1]


def test_a_shard_that_lacks_an_image_is_refused_by_its_name(s3: MemoryS3, folder: S3Folder) -> None:
    manifest = stage(folder, packed=2)
    with pytest.raises(StagingError, match=r"test/ lacks 1 images of its manifest, such as dog/a\.jpg"):
        unpack_split(folder, manifest, split="test")
    assert "data/unpacked/test.complete" not in s3.sent


def test_a_shard_that_was_changed_is_refused_before_it_is_opened(s3: MemoryS3, folder: S3Folder) -> None:
    manifest = stage(folder, packed=3)
    key = folder.key("test/shard-00000.tar")
    s3.put("ours", key, body=s3.get("ours", key)[:-1] + b"x", content_type="", metadata={})
    with pytest.raises(StagingError, match=r"shard-00000\.tar has the SHA-256 [0-9a-f]{64}, and its"):
        unpack_split(folder, manifest, split="test")
    assert "data/unpacked/test/cat/a.jpg" not in s3.sent


def test_a_shard_that_means_harm_is_refused_although_its_manifest_names_it(folder: S3Folder) -> None:
    """Whoever can write the one can write the other."""
    body = claimed("cat/a.jpg", size=10**15) + bytes(1024)
    digest = hashlib.sha256(body).hexdigest()
    shard = ShardRecord(key="test/shard-00000.tar", bytes=len(body), sha256=digest, images=1)
    folder.put_once(shard.key, body=body, sha256=digest, content_type="application/x-tar")
    images = tuple(record(path) for path in PATHS)
    manifest = Manifest(name="d", images=images, shards={"train": (), "valid": (), "test": (shard,)})
    with pytest.raises(StagingError, match=r"A shard for s3://ours/data/unpacked/test/.* is refused"):
        unpack_split(folder, manifest, split="test")
