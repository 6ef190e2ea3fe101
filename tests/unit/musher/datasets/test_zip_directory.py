"""A zip's entries are counted as zipfile would list them, in next to no memory."""

import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from musher.datasets import zips
from musher.datasets.zip_directory import count_entries, find_directory
from musher.datasets.zips import open_zip
from musher.errors import DatasetSourceError


def make_zip(path: Path, count: int, *, comment: bytes = b"", before: bytes = b"") -> Path:
    """Write a zip of empty members; `before` stands in front of it, as in a self-extracting one."""
    path.write_bytes(before)
    with zipfile.ZipFile(path, "a" if before else "w") as archive:
        for number in range(count):
            archive.writestr(f"train/cat/{number}.jpg", b"")
        archive.comment = comment
    return path


def count(path: Path, *, limit: int = 10) -> int:
    """Return how many entries are counted."""
    directory = find_directory(path)
    assert directory is not None
    return count_entries(path, directory, limit=limit)


@pytest.mark.parametrize(("comment", "before"), [(b"", b""), (b"of cats", b""), (b"", b"MZ program")])
def test_entries_are_counted(tmp_path: Path, comment: bytes, before: bytes) -> None:
    assert count(make_zip(tmp_path / "a.zip", 7, comment=comment, before=before)) == 7


@pytest.mark.parametrize("behind", [0, 1, 65_534, 65_535, 65_536, 65_537])
def test_the_directory_is_found_wherever_zipfile_finds_it(tmp_path: Path, behind: int) -> None:
    """A comment has 65,535 bytes at most, and zipfile looks back one more."""
    path = make_zip(tmp_path / "a.zip", 7)
    path.write_bytes(path.read_bytes() + b"c" * behind)
    assert (find_directory(path) is not None) == zipfile.is_zipfile(path) == (behind <= 65_536)


def test_no_more_than_the_limit_are_looked_at(tmp_path: Path) -> None:
    assert count(make_zip(tmp_path / "a.zip", 7), limit=3) == 4


def test_zip64_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 5)
    path = make_zip(tmp_path / "a.zip", 7)
    assert b"PK\x06\x06" in path.read_bytes()
    assert count(path) == 7


def test_a_count_that_lies_is_not_believed(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", 7)
    data = bytearray(path.read_bytes())
    struct.pack_into("<2H", data, len(data) - 14, 1, 1)
    path.write_bytes(data)
    assert count(path) == 7


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06", b"hello" * 30, b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_zip_has_no_directory(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    assert find_directory(tmp_path / "a.zip") is None


def test_too_many_entries_are_refused_before_they_cost_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zips, "MAX_MEMBERS", 100)
    path = make_zip(tmp_path / "a.zip", 5_000)
    tracemalloc.start()
    try:
        with (
            pytest.raises(DatasetSourceError, match=r"^a\.zip has more than 100 members\. Split it"),
            open_zip(path, address="a.zip"),
        ):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 500_000  # zipfile's objects of 5,000 members take more than 2 MB


def test_long_names_and_comments_are_refused_before_they_cost_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few members can fill a directory: zipfile reads it whole."""
    monkeypatch.setattr(zips, "MAX_DIRECTORY_BYTES", 1_000_000)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(50):
            info = zipfile.ZipInfo(f"train/cat/{number}.jpg")
            info.comment = bytes(60_000)
            archive.writestr(info, b"")
    tracemalloc.start()
    try:
        with (
            pytest.raises(
                DatasetSourceError, match=r"^a\.zip has a directory of 300\d{4} bytes, and 1000000"
            ),
            open_zip(path, address="a.zip"),
        ):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 500_000


def test_a_listed_member_costs_less_than_a_kilobyte(tmp_path: Path) -> None:
    """docs/datasets.md names the memory: a million members at most must fit into a worker's."""
    path = make_zip(tmp_path / "a.zip", 4_000)
    tracemalloc.start()
    try:
        with open_zip(path, address="a.zip") as listing:
            held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(listing.photos) == 4_000
    assert held < 4_000 * 1_000
