"""Where the bytes of objects lie, and when they go."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from localaws.s3 import files as module
from localaws.s3.files import SMALL_BYTES, Files

SMALL, LARGE = b"small" * 100, os.urandom(SMALL_BYTES + 1)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    """Files that are removed at the end."""
    made = Files(tmp_path)
    yield made
    made.close()
    assert list(tmp_path.iterdir()) == []


def stored(folder: Path) -> list[int]:
    """Return the sizes of all files below a folder."""
    return sorted(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("data", [b"", SMALL, LARGE])
def test_bytes_come_back_and_go_with_their_last_owner(files: Files, tmp_path: Path, data: bytes) -> None:
    body = files.write(data)
    copy = files.copy(body)
    body.remove()
    assert copy.read() == data
    copy.remove()
    assert stored(tmp_path) == []


def test_small_objects_share_a_file(files: Files, tmp_path: Path) -> None:
    first, second = files.write(b"first"), files.write(b"second")
    assert stored(tmp_path) == [11]
    first.remove()
    assert second.read() == b"second"
    second.remove()
    assert files.write(b"third").read() == b"third"
    assert stored(tmp_path) == [5]


def test_a_segment_ends(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEGMENT_BYTES", 8)
    bodies = [files.write(bytes([number]) * 5) for number in range(4)]
    assert stored(tmp_path) == [10, 10]
    assert [body.read()[0] for body in bodies] == [0, 1, 2, 3]


def test_who_reads_is_not_disturbed_by_a_deletion(files: Files) -> None:
    for data in (SMALL, LARGE):
        body = files.write(data)
        file = body.open()
        body.remove()
        assert os.pread(file, len(data), body.offset) == data
        os.close(file)


def test_parts_are_joined(files: Files, tmp_path: Path) -> None:
    parts = [files.write(data) for data in (LARGE, SMALL, LARGE)]
    joined = files.join(parts)
    assert (joined.read(), joined.md5) == (LARGE + SMALL + LARGE, None)
    single = files.join(parts[:1])
    for part in parts:
        part.remove()
    assert (single.read(), single.md5) == (LARGE, parts[0].md5)
    assert stored(tmp_path) == [len(LARGE), len(LARGE + SMALL + LARGE)]


def test_a_file_system_without_copy_file_range(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **named: object) -> int:
        raise OSError(module.errno.EOPNOTSUPP, "no")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    assert files.join([files.write(LARGE), files.write(SMALL)]).read() == LARGE + SMALL


def test_a_large_object_that_is_given_up_leaves_nothing(files: Files, tmp_path: Path) -> None:
    incoming = files.create()
    incoming.write(LARGE)
    assert stored(tmp_path) == [len(LARGE)]
    files.drop(incoming)
    assert stored(tmp_path) == []
