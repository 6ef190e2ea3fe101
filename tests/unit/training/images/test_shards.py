"""Images are read from tar shards in place."""

from __future__ import annotations

import io
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks.hostile_contents import MIB
from benchmarks.hostile_tars import tars
from imgclf.errors import DataError
from imgclf.images.shards import index_folder, index_shard


def write_tar(path: Path, members: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(data), "target"
            archive.addfile(info, io.BytesIO(data))
    return path


def test_members_are_read_in_place_by_many_threads(tmp_path: Path) -> None:
    files = {f"cat/{number}.png": bytes([number]) * (500 + number) for number in range(40)}
    members = index_shard(write_tar(tmp_path / "shard.tar", files))
    with ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(lambda member: member.read(), members))
    assert dict(zip(files, contents, strict=True)) == files
    assert [f"{member.class_name}/{member.file_name}" for member in members] == list(files)


@pytest.mark.parametrize("name", ["flat.png", "a/b/c.png", "../x.png"])
def test_members_that_are_not_class_and_file_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="only regular files named <class>/<file>"):
        index_shard(write_tar(tmp_path / "shard.tar", {name: b"x"}))


def test_links_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="only regular files"):
        index_shard(write_tar(tmp_path / "shard.tar", {"cat/1.png": b""}, tarfile.SYMTYPE))


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    path = tmp_path / "shard.tar"
    path.write_bytes(b"no tar at all" * 100)
    with pytest.raises(DataError, match=r"shard\.tar cannot be read"):
        index_shard(path)


HOSTILE = {
    about: data
    for about, data in tars(Path("/nowhere/outside"), Path("/nowhere/canary"))
    if len(data) < MIB and about.startswith(("a size", "a PAX", "a name", "a sparse", "sparse", "3,000"))
}


@pytest.mark.parametrize("about", HOSTILE)
def test_a_hostile_shard_is_refused_at_once(tmp_path: Path, about: str) -> None:
    path = tmp_path / "shard.tar"
    path.write_bytes(HOSTILE[about])
    started = time.process_time()
    with suppress(DataError):  # what takes nothing to read past is read past
        assert all(member.size == len(member.read()) for member in index_shard(path))
    assert time.process_time() - started < 5


def test_a_shard_that_shrank_is_noticed(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "shard.tar", {"cat/1.png": b"x" * 900})
    [member] = index_shard(path)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(DataError, match="shorter than its index"):
        member.read()


def test_folders_list_images_only(image_folder: Path) -> None:
    (image_folder / "train" / "001.cat" / "notes.txt").write_text("no image")
    (image_folder / "train" / "001.cat" / ".hidden.png").write_text("no image")
    assert len(index_folder(image_folder / "train")) == 12
