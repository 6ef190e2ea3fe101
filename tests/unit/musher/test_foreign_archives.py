"""Archives that others built are read with care."""

import gzip
import io
import os
import tarfile
import time

import pytest

from musher import archives
from musher.archives import read_files_from_tar, read_member_from_tar_gz
from musher.errors import ArchiveError


def tar_gz(*members: tuple[tarfile.TarInfo | str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for member, data in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("name", ["evaluation.json", "./evaluation.json"])
def test_a_member_is_read_from_bytes_or_a_file(name: str) -> None:
    data = tar_gz(("other", b"x"), (name, b"{}"))
    assert read_member_from_tar_gz(archive=data, name="evaluation.json") == b"{}"
    assert read_member_from_tar_gz(archive=io.BytesIO(data), name="evaluation.json") == b"{}"


def test_a_missing_member_is_named_with_what_there_is() -> None:
    with pytest.raises(
        ArchiveError, match=r"has no evaluation.json; it holds history.json. Check that the job"
    ):
        read_member_from_tar_gz(archive=tar_gz(("history.json", b"x")), name="evaluation.json")


@pytest.mark.parametrize(
    "member",
    [
        special("evaluation.json", tarfile.SYMTYPE, "/etc/passwd"),
        special("evaluation.json", tarfile.LNKTYPE, "other"),
        special("evaluation.json", tarfile.FIFOTYPE),
        special("evaluation.json", tarfile.DIRTYPE),
    ],
)
def test_only_a_regular_file_is_read(member: tarfile.TarInfo) -> None:
    data = tar_gz(("other", b"x"), (member, b""))
    with pytest.raises(ArchiveError, match=r"evaluation.json is not a regular file in the archive"):
        read_member_from_tar_gz(archive=data, name="evaluation.json")


@pytest.mark.parametrize("name", ["../evaluation.json", "/evaluation.json", "a/../../evaluation.json"])
def test_an_archive_that_leads_out_is_refused(name: str) -> None:
    data = tar_gz((name, b"{}"), ("evaluation.json", b"{}"))
    with pytest.raises(ArchiveError, match=r"has a member '.*', which leads out of it. Do not use"):
        read_member_from_tar_gz(archive=data, name="evaluation.json")


def test_a_member_above_the_bound_is_refused() -> None:
    with pytest.raises(ArchiveError, match=r"evaluation.json has 11 bytes, and 10 is the limit"):
        read_member_from_tar_gz(
            archive=tar_gz(("evaluation.json", b"x" * 11)), name="evaluation.json", max_bytes=10
        )


def test_an_archive_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 100_000)
    data = tar_gz(("large", bytes(1_000_000)), ("evaluation.json", b"{}"))
    with pytest.raises(ArchiveError, match="unpacks to more than 100000 bytes"):
        read_member_from_tar_gz(archive=data, name="evaluation.json")


def header(name: str, *, size: int = 0, kind: bytes = tarfile.REGTYPE) -> bytes:
    """Return a header block, in GNU's format where the size asks for it."""
    member = special(name, kind)
    member.size = size
    return member.tobuf(format=tarfile.GNU_FORMAT)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % tarfile.BLOCKSIZE)


def pax(**records: object) -> bytes:
    """Return a PAX header for the next member; names have __ for '.'."""
    lines = b""
    for key, value in records.items():
        text = f" {key.replace('__', '.')}={value}\n".encode()
        size = len(text) + 2 if len(text) + 2 > 9 else len(text) + 1
        lines += str(size).encode() + text
    return header("pax", size=len(lines), kind=tarfile.XHDTYPE) + padded(lines)


WANTED = header("evaluation.json", size=2) + padded(b"{}")
END = bytes(1024)
HOSTILE = {
    "a size of 10^15 by PAX": pax(size=10**15) + header("other"),
    "a size below nothing by PAX": pax(size=-1024) + header("other"),
    "a size of 2^62": header("other", size=2**62),
    "3,000 PAX headers": pax(comment=1) * 3000,
    "a PAX header of 10^15 bytes": header("pax", size=10**15, kind=tarfile.XHDTYPE),
    "a name of 2^62 bytes": header("long", size=2**62, kind=tarfile.GNUTYPE_LONGNAME),
    "a sparse map without end": pax(GNU__sparse__major=1, GNU__sparse__minor=0)
    + header("other", size=10**6)
    + padded(b"900000\n" + b"0\n" * 600_000),
    "a sparse map that is missing": pax(GNU__sparse__major=1, GNU__sparse__minor=0) + header("other", size=9),
    "sparse numbers that are none": pax(GNU__sparse__map="x,y") + header("other"),
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_header_is_refused_at_once(attack: str) -> None:
    started = time.process_time()
    with pytest.raises(ArchiveError, match=r"Do not use|is damaged|Write less") as caught:
        read_member_from_tar_gz(archive=gzip.compress(HOSTILE[attack] + WANTED + END), name="evaluation.json")
    assert len(str(caught.value)) < 500
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "before", [pax(mtime="inf"), pax(mtime="nan", uid=2**70), header("a/" * 40, kind=tarfile.DIRTYPE)]
)
def test_what_is_only_odd_is_read(before: bytes) -> None:
    data = gzip.compress(before + WANTED + END)
    assert read_member_from_tar_gz(archive=data, name="evaluation.json") == b"{}"


def test_2500_nested_folders_are_no_hindrance() -> None:
    data = tar_gz((special("a/" * 2500, tarfile.DIRTYPE), b""), ("evaluation.json", b"{}"))
    assert read_member_from_tar_gz(archive=data, name="evaluation.json") == b"{}"


def test_too_many_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    data = tar_gz(*((f"{n}.txt", b"x") for n in range(5)), ("evaluation.json", b"{}"))
    with pytest.raises(ArchiveError, match=r"has more than 3 members. Write fewer files"):
        read_member_from_tar_gz(archive=data, name="evaluation.json")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not gzip",
        gzip.compress(b"not a tar" * 100),
        tar_gz(("a", os.urandom(5000)), ("evaluation.json", b"{}"))[:-2000],
        tar_gz(("evaluation.json", os.urandom(50_000)))[:2000],
    ],
    ids=["empty", "no gzip", "no tar", "cut in another file", "cut in the file"],
)
def test_a_damaged_archive_is_refused(data: bytes) -> None:
    with pytest.raises(ArchiveError, match=r"evaluation.json"):
        read_member_from_tar_gz(archive=data, name="evaluation.json")


def test_files_are_read_from_a_plain_tar_by_name() -> None:
    tar = header("cat/b", size=1) + padded(b"b") + header("cat/a", size=2) + padded(b"aa") + END
    assert list(read_files_from_tar(archive=tar, names={"cat/a"})) == [("cat/a", b"aa")]


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_header_of_a_plain_tar_is_refused_at_once(attack: str) -> None:
    """What takes nothing to read past is read past."""
    started = time.process_time()
    try:
        found = list(read_files_from_tar(archive=HOSTILE[attack] + WANTED + END, names={"evaluation.json"}))
    except ArchiveError:
        found = []
    assert found in ([], [("evaluation.json", b"{}")])
    assert time.process_time() - started < 5
