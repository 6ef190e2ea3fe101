"""Zips that mean harm, as hostile_tars has tars."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from benchmarks.hostile_contents import MIB, Corpus, kinds_of_code, names_that_lead_out, odd_names


def zips(outside: Path, canary: Path) -> Corpus:
    """Yield zips."""
    for about, name in {**names_that_lead_out(outside), **odd_names()}.items():
        with_suffix = name if name.endswith("/") else f"{name}.jpg"
        yield f"name: {about}", pack_zip((with_suffix.encode(errors="surrogateescape"), b"evil", {}))
    yield "name: a zero", pack_zip((b"train/cat/a\0.jpg", b"evil", {}))
    yield "2,500 folders", pack_zip((b"d/" * 2_500 + b"a.jpg", b"x", {}))
    yield from _zips_with_kinds(outside)
    yield from _zips_with_sizes()
    for name, data in kinds_of_code(canary).items():
        yield f"code: {name}", pack_zip((f"train/cat/{name}".encode(), data, {"attributes": 0o104755 << 16}))
    whole = pack_zip((b"train/cat/a.jpg", bytes(900), {}), (b"train/dog/b.jpg", b"x" * 90, {}))
    for place in range(0, len(whole), 11):
        bent = bytearray(whole)
        bent[place] ^= 0xA5
        yield f"a byte bent at {place}", bytes(bent)
    for length in (1, 30, len(whole) // 2, len(whole) - 1, len(whole) - 22):
        yield f"cut at {length}", whole[:length]
    yield "nothing", b""
    yield "a zip behind 64 KiB of others", whole + b"x" * 70_000
    yield "a zip within a zip", pack_zip((b"train/cat/a.zip", whole, {}))


def _zips_with_kinds(outside: Path) -> Corpus:
    for about, kind in {
        "link": stat.S_IFLNK,
        "pipe": stat.S_IFIFO,
        "device": stat.S_IFCHR,
        "socket": stat.S_IFSOCK,
    }.items():
        values = {"attributes": (kind | 0o777) << 16}
        yield (
            f"a {about}",
            pack_zip(
                (b"train/cat/a.jpg", str(outside).encode(), values), (b"train/cat/a.jpg/evil", b"x", {})
            ),
        )
    yield "encrypted", pack_zip((b"train/cat/a.jpg", b"x" * 20, {"flags": 1}))
    yield "patched", pack_zip((b"train/cat/a.jpg", b"x" * 20, {"flags": 0x20}))
    for method in (1, 9, 93, 99, 65_535):
        yield f"method {method}", pack_zip((b"train/cat/a.jpg", b"x" * 20, {"method": method}))
    yield "one name twice", pack_zip((b"train/cat/a.jpg", b"x", {}), (b"train/cat/a.jpg", b"y", {}))
    yield "a file, then a folder of its name", pack_zip((b"train", b"x", {}), (b"train/cat/a.jpg", b"y", {}))
    yield "a newer version", pack_zip((b"train/cat/a.jpg", b"x", {"version": 255}))


def _zips_with_sizes() -> Corpus:
    for method, word in (
        (zipfile.ZIP_DEFLATED, "deflated"),
        (zipfile.ZIP_BZIP2, "bzip2"),
        (zipfile.ZIP_LZMA, "lzma"),
    ):
        yield f"300 MiB, {word}", _zip_by_zipfile(method, size=300 * MIB)
    for size in (0, 10, 2**31, 2**32 - 1):
        yield f"a claimed size of {size}", pack_zip((b"train/cat/a.jpg", bytes(5 * MIB), {"size": size}))
        yield f"a claimed packed size of {size}", pack_zip((b"train/cat/a.jpg", bytes(500), {"packed": size}))
    for start in (1, 2**31, 2**32 - 1):
        yield f"a member at {start}", pack_zip((b"train/cat/a.jpg", b"x", {"start": start}))
    for count in (0, 1_000, 65_535):
        yield f"a count of {count}", _with_end(count=count)
    for size in (0, 10, 2**31, 2**32 - 1):
        yield f"a directory of {size}", _with_end(size=size)
        yield f"a directory at {size}", _with_end(start=size)
    yield "one stream in 1,000 members", _overlapping(1_000)
    yield (
        "30,000 empty files",
        pack_zip(*((f"train/cat/{number}.jpg".encode(), b"", {}) for number in range(30_000))),
    )
    for extra in (
        b"\x01\x00\xff\xff",
        b"\x01\x00\x08\x00" + b"\xff" * 8,
        b"\x01",
        b"\x75\x70\x05\x00\x01abcd",
    ):
        yield (
            f"an extra field {extra[:4].hex()}",
            pack_zip((b"train/cat/a.jpg", b"x", {"extra": extra, "size": 2**32 - 1})),
        )


def _zip_by_zipfile(method: int, *, size: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive, archive.open("train/cat/a.jpg", "w") as target:
        for _ in range(size // MIB):
            target.write(bytes(MIB))
    return file.getvalue()


def pack_zip(*members: tuple[bytes, bytes, Mapping[str, object]]) -> bytes:
    """Return a zip of members (name, data, what its headers claim instead of the truth)."""
    body, directory = b"", b""
    for name, data, values in members:
        claims = _claims(name, data, start=len(body), values=values)
        directory += claims[1]
        body += claims[0]
    end = struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, *[min(len(members), 65_535)] * 2, len(directory), len(body), 0
    )
    return body + directory + end


def _claims(name: bytes, data: bytes, *, start: int, values: Mapping[str, object]) -> tuple[bytes, bytes]:
    """Return a member's bytes, and its entry in the directory."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    said = {
        "version": 20,
        "flags": 0,
        "method": zipfile.ZIP_DEFLATED,
        "size": len(data),
        "packed": len(packed),
        "start": start,
        "attributes": 0,
        "extra": b"",
        **values,
    }
    extra = said["extra"]
    assert isinstance(extra, bytes)
    common = struct.pack(
        "<5H3L2H",
        *(said["version"], said["flags"], said["method"], 0, 0x21),
        *(zlib.crc32(data), said["packed"], said["size"], len(name), len(extra)),
    )
    entry = struct.pack("<3H2L", 0, 0, 0, said["attributes"], said["start"])
    return (
        b"PK\3\4" + common + name + extra + packed,
        b"PK\1\2" + struct.pack("<H", 0x0314) + common + entry + name + extra,
    )


def _with_end(*, count: int = 1, size: int | None = None, start: int | None = None) -> bytes:
    """Return a zip of one member whose end record claims something else."""
    whole = pack_zip((b"train/cat/a.jpg", b"x" * 50, {}))
    true_size, true_start = struct.unpack("<2L", whole[-10:-2])
    said = [true_size if size is None else size, true_start if start is None else start]
    return whole[:-22] + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, *said, 0)


def _overlapping(count: int) -> bytes:
    """Return a zip whose members are all the same packed stream."""
    one = pack_zip((b"train/cat/0.jpg", bytes(MIB), {}))
    size, start = struct.unpack("<2L", one[-10:-2])
    entry = one[start : start + size]
    entries = entry * count
    return (
        one[:start] + entries + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(entries), start, 0)
    )
