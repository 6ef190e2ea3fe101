"""Archives: what is unpacked, and what is refused by name."""

import gzip
import io
import os
import tarfile
import time
from pathlib import Path

import pytest

from localaws.archives import pack_tar_gz, unpack_tar_gz
from localaws.errors import ArchiveError

MIB = 1 << 20


def write_tar(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    """Write an archive of the given members."""
    with tarfile.open(path, "w:gz") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def member(name: str, *, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    """Return a member's header."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


def test_files_and_folders_are_unpacked(tmp_path: Path) -> None:
    path = write_tar(
        tmp_path / "a.tar.gz",
        (member("./", kind=tarfile.DIRTYPE), b""),
        (member("./code/run.sh", mode=0o755), b"echo"),
        (member("model.bin"), b"12345"),
        (member("empty", kind=tarfile.DIRTYPE), b""),
    )
    assert unpack_tar_gz(path, tmp_path / "out", max_bytes=MIB) == 9
    assert (tmp_path / "out/code/run.sh").read_bytes() == b"echo"
    assert os.access(tmp_path / "out/code/run.sh", os.X_OK)
    assert (tmp_path / "out/empty").is_dir()


@pytest.mark.parametrize(
    "bad",
    [
        member("../evil"),
        member("a/../../evil"),
        member("/etc/evil"),
        member("evil", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        member("evil", kind=tarfile.LNKTYPE, link="../x"),
        member("evil", kind=tarfile.FIFOTYPE),
        member("evil", kind=tarfile.CHRTYPE),
    ],
    ids=["parent", "hidden-parent", "absolute", "symlink", "hardlink", "fifo", "device"],
)
def test_what_is_dangerous_is_refused_by_name(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    path = write_tar(tmp_path / "a.tar.gz", (bad, b""))
    with pytest.raises(ArchiveError, match="evil"):
        unpack_tar_gz(path, tmp_path / "out", max_bytes=MIB)
    assert not list((tmp_path / "out").iterdir())
    assert not (tmp_path / "evil").exists()


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar.gz", (member("a"), b"\0" * MIB), (member("b"), b"\0" * MIB))
    with pytest.raises(ArchiveError, match="'b' makes the archive larger"):
        unpack_tar_gz(path, tmp_path / "out", max_bytes=MIB + 1)


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b\x08\x00broken"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.tar.gz"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"model\.tar\.gz is not a readable"):
        unpack_tar_gz(path, tmp_path / "out", max_bytes=MIB)


def header(name: str, *, size: int = 0, kind: bytes = tarfile.REGTYPE) -> bytes:
    """Return a header block, in GNU's format where the size asks for it."""
    info = member(name, kind=kind)
    info.size = size
    return info.tobuf(format=tarfile.GNU_FORMAT)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % tarfile.BLOCKSIZE)


def pax(key: str, value: object) -> bytes:
    """Return a PAX header for the next member."""
    text = f" {key}={value}\n"
    line = f"{len(text) + 2}{text}".encode()
    assert len(line) == len(text) + 2
    return header("pax", size=len(line), kind=tarfile.XHDTYPE) + padded(line)


HOSTILE = {
    "a size of 10^15 by PAX": pax("size", 10**15) + header("a"),
    "a size below nothing by PAX": pax("size", -1024) + header("a"),
    "a size of 2^62": header("a", size=2**62),
    "3,000 PAX headers": pax("comment", "x") * 3000 + header("a"),
    "a PAX header of 10^15 bytes": header("pax", size=10**15, kind=tarfile.XHDTYPE),
    "a name of 2^62 bytes": header("long", size=2**62, kind=tarfile.GNUTYPE_LONGNAME),
    "sparse numbers that are none": pax("GNU.sparse.map", "x,y") + header("a"),
    "a sparse file": pax("GNU.sparse.map", "0,1,9,1") + header("a", size=2) + padded(b"xy"),
    "2,500 nested folders": header("", kind=tarfile.DIRTYPE),
}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("attack", HOSTILE)
def test_hostile_headers_are_refused_at_once(tmp_path: Path, attack: str, packed: bool) -> None:
    data = HOSTILE[attack] + bytes(1024)
    if attack == "2,500 nested folders":
        data = write_tar(tmp_path / "b.tar.gz", (member("a/" * 2000 + "b"), b"")).read_bytes()
        data = gzip.decompress(data)
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(data) if packed else data)
    started = time.process_time()
    with pytest.raises(ArchiveError):
        unpack_tar_gz(path, tmp_path / "out", max_bytes=MIB)
    assert time.process_time() - started < 5
    assert [file for file in (tmp_path / "out").rglob("*") if file.is_file()] == []


@pytest.mark.parametrize("value", ["inf", "nan", "-1e300"])
def test_an_odd_time_is_no_hindrance(tmp_path: Path, value: str) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(pax("mtime", value) + header("a", size=2) + padded(b"xy") + bytes(1024))
    assert unpack_tar_gz(path, tmp_path / "out", max_bytes=MIB) == 2
    assert (tmp_path / "out/a").read_bytes() == b"xy"


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar.gz", (member("a"), os.urandom(200_000)))
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(ArchiveError, match="not a readable"):
        unpack_tar_gz(path, tmp_path / "out", max_bytes=MIB)


def test_a_file_in_the_way_of_a_folder_is_refused(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar.gz", (member("a"), b"x"), (member("a/b"), b"y"))
    with pytest.raises(ArchiveError, match="'a/b' cannot be written"):
        unpack_tar_gz(path, tmp_path / "out", max_bytes=MIB)


def test_the_folders_of_all_hosts_are_merged_and_the_first_wins(tmp_path: Path) -> None:
    for host in ("algo-1", "algo-2"):
        (tmp_path / host).mkdir()
        (tmp_path / host / "same.txt").write_text(host)
        (tmp_path / host / f"{host}.txt").write_text(host)
    (tmp_path / "algo-1/outside").symlink_to("/etc/passwd")
    (tmp_path / "algo-1/link.txt").symlink_to("same.txt")
    os.mkfifo(tmp_path / "algo-1/pipe")
    assert pack_tar_gz(tmp_path / "m.tar.gz", [tmp_path / "algo-1", tmp_path / "algo-2"]) == 4
    unpack_tar_gz(tmp_path / "m.tar.gz", tmp_path / "out", max_bytes=MIB)
    assert {file.name: file.read_text() for file in (tmp_path / "out").iterdir()} == {
        "same.txt": "algo-1",
        "link.txt": "algo-1",
        "algo-1.txt": "algo-1",
        "algo-2.txt": "algo-2",
    }
