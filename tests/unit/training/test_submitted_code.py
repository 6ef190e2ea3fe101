"""Submitted code is unpacked inside of one folder, whatever the archive claims."""

from __future__ import annotations

import gzip
import os
import tarfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from imgclf import archives
from imgclf.archives import unpack
from imgclf.errors import ConfigError

Change = Callable[[tarfile.TarInfo], None]


def member(name: str, data: bytes = b"", **values: object) -> bytes:
    """Return one member of a tar; `values` are set on its header."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in values.items():
        setattr(info, key, value)
    padding = bytes(-len(data) % tarfile.BLOCKSIZE)
    return info.tobuf(tarfile.PAX_FORMAT) + data + padding


def pack(folder: Path, *members: bytes) -> Path:
    path = folder / "sourcedir.tar.gz"
    path.write_bytes(gzip.compress(b"".join(members) + bytes(1024), 1))
    return path


def pax(**values: str) -> bytes:
    """Return an extended header that applies to the next member."""
    return tarfile.TarInfo._create_pax_generic_header(values, tarfile.XHDTYPE, "utf-8")  # type: ignore[attr-defined]


def huge(name: str, kind: bytes, size: int) -> bytes:
    """Return a header with a size in base 256."""
    header = bytearray(member(name, type=kind))
    header[124:136] = b"\x80" + size.to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def test_files_and_folders_are_unpacked(tmp_path: Path) -> None:
    archive = pack(
        tmp_path,
        member("package/", type=tarfile.DIRTYPE),
        member("./package/module.py", b"x = 1"),
        member("run.sh", b"#!", mode=0o4755),
    )
    target = tmp_path / "code"
    unpack(archive, target)
    assert (target / "package/module.py").read_bytes() == b"x = 1"
    assert (target / "run.sh").stat().st_mode & 0o7777 == 0o755
    assert (target / "package/module.py").stat().st_mode & 0o7777 == 0o644


def test_a_member_may_be_named_as_the_archive_beside_it(tmp_path: Path) -> None:
    archive = pack(tmp_path, member("sourcedir.tar.gz", os.urandom(100_000)), member("b", b"b"))
    unpack(archive, tmp_path)
    assert (tmp_path / "b").read_bytes() == b"b"


@pytest.mark.parametrize("mtime", ["inf", "-inf", "nan", "1e400", "1e30"])
def test_no_time_of_a_member_is_believed(tmp_path: Path, mtime: str) -> None:
    unpack(pack(tmp_path, pax(mtime=mtime), member("a.py", b"a")), tmp_path / "code")
    assert (tmp_path / "code/a.py").stat().st_mtime > time.time() - 3600


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(pax(size=str(10**15)) + member("a"), id="a size of 10**15"),
        pytest.param(pax(size="-1") + member("a"), id="a negative size"),
        pytest.param(huge("a", tarfile.REGTYPE, 2**62), id="a size of 2**62"),
        pytest.param(huge("a", tarfile.XHDTYPE, 2**62), id="an extended header of 2**62"),
        pytest.param(huge("a", tarfile.GNUTYPE_LONGNAME, 2**62), id="a name of 2**62"),
        pytest.param(huge("a", b"?", 2**62), id="an unknown member of 2**62"),
        pytest.param(member("a", type=tarfile.XHDTYPE, size=2**30), id="an extended header of 1 GiB"),
        pytest.param(pax(comment="x") * 3_000 + member("a"), id="3,000 extended headers"),
        pytest.param(member("d/" * 2_500, type=tarfile.DIRTYPE), id="2,500 folders"),
        pytest.param(pax(path="a" * 300) + member("a"), id="a long name"),
        pytest.param(pax(path="a\0b") + member("a"), id="a NUL in a name"),
        pytest.param(member("../evil.py"), id="a parent"),
        pytest.param(pax(path="/tmp/evil.py") + member("a"), id="an absolute name"),
        pytest.param(member("a", type=tarfile.SYMTYPE, linkname="/"), id="a symbolic link"),
        pytest.param(member("a", type=tarfile.LNKTYPE, linkname="b"), id="a hard link"),
        pytest.param(member("a", type=tarfile.FIFOTYPE), id="a pipe"),
        pytest.param(member("a", type=tarfile.CHRTYPE), id="a device"),
        pytest.param(
            pax(**{"GNU.sparse.size": str(10**15), "GNU.sparse.map": "0,1"}) + member("a", b"x"), id="sparse"
        ),
        pytest.param(member("a/") + member("a", type=tarfile.DIRTYPE) + member("a"), id="a file on a folder"),
        pytest.param(member("a", b"x" * 600)[:700], id="a cut file"),
    ],
)
def test_a_hostile_archive_is_refused_in_words_and_at_once(tmp_path: Path, hostile: bytes) -> None:
    archive = pack(tmp_path, hostile)
    if hostile == member("a", b"x" * 600)[:700]:
        archive.write_bytes(gzip.compress(hostile))
    started = time.process_time()
    with pytest.raises(ConfigError, match=r"sourcedir\.tar\.gz is (refused: it|no readable \.tar\.gz)"):
        unpack(archive, tmp_path / "code")
    assert time.process_time() - started < 5
    assert not (tmp_path / "evil.py").exists()


def test_no_more_is_unpacked_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 100_000)
    with pytest.raises(ConfigError, match="unpack to more than"):
        unpack(pack(tmp_path, *[member(str(n), bytes(30_000)) for n in range(9)]), tmp_path / "code")


def test_the_number_of_members_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    with pytest.raises(ConfigError, match="holds more than 3 files and folders"):
        unpack(pack(tmp_path, *[member(str(n)) for n in range(4)]), tmp_path / "code")


@pytest.mark.parametrize("cut", [1, 50, 200])
def test_a_damaged_archive_is_refused(tmp_path: Path, cut: int) -> None:
    archive = pack(tmp_path, member("a", os.urandom(5_000)))
    archive.write_bytes(archive.read_bytes()[:-cut])
    with pytest.raises(ConfigError, match=r"is no readable \.tar\.gz"):
        unpack(archive, tmp_path / "code")


def test_flipped_bits_end_in_words(tmp_path: Path) -> None:
    plain = gzip.decompress(pack(tmp_path, pax(path="long" * 60), member("a", bytes(500))).read_bytes())
    (tmp_path / "code").mkdir(exist_ok=True)
    ends: Counter[str] = Counter()
    reasons: list[str] = []
    for place in range(0, 1_500, 7):
        damaged = bytearray(plain)
        damaged[place] ^= 0xA5
        (tmp_path / "x.tar.gz").write_bytes(gzip.compress(bytes(damaged), 1))
        try:
            unpack(tmp_path / "x.tar.gz", tmp_path / "code")
        except ConfigError as error:
            ends["refused"] += 1
            reasons.append(str(error))
        else:
            ends["unpacked"] += 1
    assert all(reason.startswith(str(tmp_path / "x.tar.gz")) for reason in reasons)
    assert set(ends) == {"refused", "unpacked"}  # flips within names and contents do no harm
    assert {path.name for path in tmp_path.iterdir()} == {"sourcedir.tar.gz", "code", "x.tar.gz"}


def test_global_headers_do_not_pile_up(tmp_path: Path) -> None:
    """Each member would keep a copy of all that came before it: 300 of 100 kB are 4.5 GB."""
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as tar:
        for number in range(300):
            tar.pax_headers = {f"key{number}": "x" * 100_000}
            tar.fileobj.write(tarfile.TarInfo.create_pax_global_header(tar.pax_headers))
            tar.addfile(tarfile.TarInfo(f"file{number}"))
    (tmp_path / "target").mkdir()
    tracemalloc.start()
    try:
        unpack(tmp_path / "a.tar.gz", tmp_path / "target")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000
    assert len(list((tmp_path / "target").iterdir())) == 300
