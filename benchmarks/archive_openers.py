"""All that opens an archive which somebody else made, as functions of a file and a folder to unpack into."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import benchmarks.source_paths  # noqa: F401 - makes imgclf and musher importable
from imgclf.archives import unpack
from imgclf.errors import ConfigError, DataError
from imgclf.images.shards import index_shard
from localaws import errors as localaws_errors
from localaws.archives import unpack_tar_gz
from localaws.functions.packages import Packages, check
from musher.archives import read_member_from_tar_gz
from musher.datasets.manifest import ImageRecord, Manifest, ShardRecord
from musher.datasets.s3_objects import S3Folder
from musher.datasets.unpacked import unpack_split
from musher.datasets.zips import open_zip
from musher.errors import ArchiveError, DatasetSourceError, StagingError, UnreadableImageError

UNPACKED_LIMIT = 32 << 20
"""Bytes that a test of localaws lets an archive unpack to: what is no larger is written."""

Open = Callable[[Path, Path], object]


@dataclass(frozen=True, kw_only=True)
class Opener:
    """What opens archives of one format ("tar", "tar.gz" or "zip"), and the errors by which it refuses."""

    name: str
    format: str
    open: Open
    refusals: tuple[type[Exception], ...]


class MemoryS3:
    """As much of a connection to S3 as a shard needs to be unpacked; what is stored is forgotten."""

    def __init__(self, objects: Mapping[str, bytes]) -> None:
        self.objects = objects

    def get(self, bucket: str, key: str) -> bytes:
        """Return an object."""
        return self.objects[key]

    def put(self, bucket: str, key: str, **values: object) -> None:
        """Take an object."""


class MemoryFolder(S3Folder):
    """A folder in which nothing is stored yet."""

    def describe(self, name: str) -> None:
        """Know no object."""

    def child(self, name: str) -> "MemoryFolder":
        """Return the folder below."""
        return MemoryFolder(s3=self.s3, bucket=self.bucket, prefix=self.key(name))


def _read_member(path: Path, target: Path) -> object:
    return read_member_from_tar_gz(archive=path.read_bytes(), name="cat/evaluation.json")


def _read_shard(path: Path, target: Path) -> object:
    return [item.read() for item in index_shard(path)]


def _unpack_shard(path: Path, target: Path) -> object:
    """Unpack a shard whose manifest belongs to it: whoever can write the one can write the other."""
    body, image = path.read_bytes(), b"x"
    digest = hashlib.sha256(body).hexdigest()
    record = ImageRecord(path="test/cat/a", sha256=hashlib.sha256(image).hexdigest(), bytes=len(image))
    shard = ShardRecord(key="test/shard-00000.tar", bytes=len(body), sha256=digest, images=1)
    manifest = Manifest(name="d", images=(record,), shards={"train": (), "valid": (), "test": (shard,)})
    folder = MemoryFolder(s3=MemoryS3({shard.key: body}), bucket="ours", prefix="")  # type: ignore[arg-type]
    return unpack_split(folder, manifest, split="test")


def _read_zip(path: Path, target: Path) -> object:
    """Read each image to its end, as staging does: a damaged one is left out, and the others are taken."""
    with open_zip(path, address="photos.zip") as listing:
        return [_read_or_none(photo.read) for photo in listing.photos]


def _read_or_none(read: Callable[[], bytes]) -> int | None:
    try:
        return len(read())
    except UnreadableImageError:
        return None


def _unpack_function(path: Path, target: Path) -> object:
    code = path.read_bytes()
    check(code)
    return Packages(target / "packages").unpack(code)


OPENERS = (
    Opener(name="a job's output", format="tar.gz", open=_read_member, refusals=(ArchiveError,)),
    Opener(name="submitted code", format="tar.gz", open=unpack, refusals=(ConfigError,)),
    Opener(
        name="localaws: model, code",
        format="tar.gz",
        open=lambda path, target: unpack_tar_gz(path, target, max_bytes=UNPACKED_LIMIT),
        refusals=(localaws_errors.ArchiveError,),
    ),
    Opener(name="training's shards", format="tar", open=_read_shard, refusals=(DataError,)),
    Opener(name="shards for a batch", format="tar", open=_unpack_shard, refusals=(StagingError,)),
    Opener(name="photos", format="zip", open=_read_zip, refusals=(DatasetSourceError,)),
    Opener(
        name="localaws: functions, layers",
        format="zip",
        open=_unpack_function,
        refusals=(localaws_errors.ArchiveError,),
    ),
)
