"""Tars that mean harm: each with what it is about, and its bytes.

They claim sizes that they do not have, unpack to gigabytes, lead out of where they are unpacked, hold links,
devices and code, describe themselves without end, or are cut and bent in many places.
"""

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from benchmarks.hostile_contents import MIB, Corpus, kinds_of_code, names_that_lead_out, odd_names

END = bytes(2 * tarfile.BLOCKSIZE)
FILE, FOLDER = tarfile.REGTYPE, tarfile.DIRTYPE


def member(name: str, data: bytes = b"", *, kind: bytes = FILE, link: str = "", mode: int = 0o644) -> bytes:
    """Return a tar's member, whole."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.size = kind, link, mode, len(data)
    return info.tobuf(tarfile.PAX_FORMAT, errors="surrogateescape") + padded(data)


def padded(data: bytes) -> bytes:
    """Return data in whole blocks."""
    return data + bytes(-len(data) % tarfile.BLOCKSIZE)


def claimed(name: str, *, size: int, kind: bytes = FILE) -> bytes:
    """Return a member's header alone, with any size, in base 256 where octal digits do not do."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def pax(values: Mapping[str, str], *, kind: bytes = tarfile.XHDTYPE) -> bytes:
    """Return an extended header: of the next member, or, by its kind, of all that follow."""
    lines = b"".join(_pax_line(key, value) for key, value in values.items())
    info = tarfile.TarInfo("pax")
    info.type, info.size = kind, len(lines)
    return info.tobuf(tarfile.USTAR_FORMAT) + padded(lines)


def _pax_line(key: str, value: str) -> bytes:
    text = f" {key}={value}\n".encode(errors="surrogateescape")
    length = len(text) + 1
    while len(str(length)) + len(text) != length:
        length = len(str(length)) + len(text)
    return str(length).encode() + text


def tars(outside: Path, canary: Path) -> Corpus:
    """Yield plain tars."""
    yield from _tars_with_names(outside)
    yield from _tars_with_links(outside)
    yield from _tars_with_sizes()
    yield from _tars_with_headers()
    for name, data in kinds_of_code(canary).items():
        yield f"code: {name}", member(name, data, mode=0o755) + END
        yield f"code: cat/{name}", member(f"cat/{name}", data, mode=0o4755) + END
    whole = (
        pax({"path": "cat/" + "long" * 40})
        + member("a", bytes(700))
        + member("cat/evaluation.json", b"{}")
        + END
    )
    for place in range(0, 2_500, 83):
        bent = bytearray(whole)
        bent[place] ^= 0xA5
        yield f"a byte bent at {place}", bytes(bent)
    for length in (1, 100, 511, 513, 1_100, 1_700, 2_100):
        yield f"cut at {length}", whole[:length]


def _tars_with_names(outside: Path) -> Corpus:
    for about, name in {**names_that_lead_out(outside), **odd_names()}.items():
        yield f"name: {about}", member(name, b"evil") + END
        yield f"name by PAX: {about}", pax({"path": name}) + member("a", b"evil") + END
        yield f"folder: {about}", member(name, kind=FOLDER) + END
    yield "name by PAX: a zero", pax({"path": "a\0b"}) + member("a", b"evil") + END
    yield "name by GNU: absolute", _gnu_name(f"{outside}/evil") + member("a", b"evil") + END
    yield "name by GNU: a parent", _gnu_name("../evil") + member("a", b"evil") + END


def _gnu_name(name: str) -> bytes:
    return claimed("long", size=len(name) + 1, kind=tarfile.GNUTYPE_LONGNAME) + padded(name.encode() + b"\0")


def _tars_with_links(outside: Path) -> Corpus:
    special = {
        "a pipe": tarfile.FIFOTYPE,
        "a device": tarfile.CHRTYPE,
        "a block device": tarfile.BLKTYPE,
        "an unknown kind": b"Z",
        "a contiguous file": tarfile.CONTTYPE,
        "an old sparse file": tarfile.GNUTYPE_SPARSE,
    }
    for about, kind in special.items():
        yield f"kind: {about}", member("cat/a", kind=kind) + END
    for kind, word in ((tarfile.SYMTYPE, "a symbolic link"), (tarfile.LNKTYPE, "a hard link")):
        for link in (str(outside), f"{outside}/present", "../outside", "/etc/passwd", "a", ".", "b/../.."):
            yield f"{word} to {link}", member("a", kind=kind, link=link) + member("a/evil", b"evil") + END
        yield (
            f"{word}, then a file on it",
            (member("a", kind=kind, link=f"{outside}/present") + member("a", b"evil") + END),
        )
        yield (
            f"{word} to a link",
            (
                member("a", kind=kind, link=".")
                + member("a/b", kind=kind, link="..")
                + member("b/evil", b"x")
                + END
            ),
        )
    yield "a file, then a folder of its name", member("a", b"x") + member("a/b", b"y") + END
    yield "a folder, then a file of its name", member("a", kind=FOLDER) + member("a", b"y") + END


def _tars_with_sizes() -> Corpus:
    for size in (10**15, 2**62, 2**63, 2**80):
        yield f"a size of {size}", claimed("cat/a", size=size) + END
        yield f"a size of {size} by PAX", pax({"size": str(size)}) + member("cat/a") + END
        for kind, word in (
            (tarfile.XHDTYPE, "PAX header"),
            (tarfile.GNUTYPE_LONGNAME, "name"),
            (b"?", "stranger"),
        ):
            yield f"a {word} of {size}", claimed("cat/a", size=size, kind=kind) + END
    for text in ("-1", "-1024", "-9223372036854775808", "x", "", "1e3", "٣", " 7", "0x10", "9" * 5000):
        yield f"a size {text[:20]!r} by PAX", pax({"size": text}) + member("cat/a") + END
    for text in ("inf", "nan", "-1e300", "1e400", "x", ""):
        yield f"a time {text!r} by PAX", pax({"mtime": text}) + member("cat/a", b"x") + END
    for key in ("uid", "gid", "atime", "mode", "hdrcharset", "GNU.sparse.major"):
        yield f"{key} by PAX", pax({key: "1e999"}) + member("cat/a", b"x") + END


def _tars_with_headers() -> Corpus:
    yield "3,000 PAX headers", pax({"comment": "x"}) * 3_000 + member("cat/a") + END
    yield "3,000 long names", _gnu_name("x" * 200) * 3_000 + member("cat/a") + END
    yield "3,000 global headers", pax({"k": "v" * 400}, kind=tarfile.XGLTYPE) * 3_000 + member("cat/a") + END
    yield "2,500 folders", member("d/" * 2_500, kind=FOLDER) + END
    yield "2,500 folders and a file", member("d/" * 2_500 + "a", b"x") + END
    yield "20,000 empty files", b"".join(member(f"cat/{number}") for number in range(20_000)) + END
    for text in ("x,y", "0,1,9,1", "0,-1", "9" * 30 + ",1", ",".join(["0,1"] * 9_000)):
        values = {"GNU.sparse.map": text, "GNU.sparse.size": str(10**15)}
        yield f"a sparse map {text[:12]!r}", pax(values) + member("cat/a", b"xy") + END
    yield (
        "sparse 1.0 without numbers",
        (pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}) + member("cat/a", b"x" * 600) + END),
    )
    yield (
        "sparse 1.0 with a count of 10^9",
        (
            pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"})
            + member("cat/a", padded(b"1000000000\n"))
            + END
        ),
    )
    yield (
        "a PAX line of length 0",
        claimed("pax", size=20, kind=tarfile.XHDTYPE) + padded(b"0 path=x\n") + END,
    )
    yield (
        "a PAX line of length 10^30",
        (claimed("pax", size=60, kind=tarfile.XHDTYPE) + padded(b"9" * 30 + b" path=x\n") + END),
    )
    yield "zeros of 64 MiB", member("cat/a", bytes(64 * MIB)) + END
    yield "nothing", b""
    yield "blocks of zeros", bytes(20_480)
    yield "other blocks", b"\xff" * 20_480


def packings(plain: Mapping[str, bytes]) -> Corpus:
    """Yield what is packed in another way than by gzip alone, or packed in a wrong way."""
    tar = plain["zeros of 64 MiB"]
    small = gzip.compress(member("cat/evaluation.json", b"{}") + END)
    yield "64 MiB in gzip in gzip", gzip.compress(gzip.compress(tar, 9), 9)
    yield "64 MiB in bzip2", bz2.compress(tar)
    yield "64 MiB in xz", lzma.compress(tar, preset=0)
    yield "a gzip of 1 GiB", gzip_of_zeros(1024 * MIB)
    yield "1,000 members of gzip", gzip.compress(b"") * 1_000 + small
    yield "a gzip with a wrong sum", small[:-8] + b"\0" * 4 + small[-4:]
    yield "a gzip with a wrong length", small[:-4] + b"\xff" * 4
    yield "a gzip that is cut", small[:-20]
    yield "a gzip with rubbish behind", small + b"rubbish" * 100
    yield "a gzip with a header that does not end", b"\x1f\x8b\x08\x18" + b"\0" * 6 + b"x" * 3 * MIB
    yield "a gzip of an unknown method", b"\x1f\x8b\x09" + small[3:]


def gzip_of_zeros(size: int) -> bytes:
    """Return a gzip of so many zeros, made in little memory."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    parts = [packer.compress(bytes(MIB)) for _ in range(size // MIB)]
    return b"".join([*parts, packer.flush()])
