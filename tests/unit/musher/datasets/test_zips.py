"""A zip is read in place; one that is not a plain folder of photos is refused."""

import gzip
import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from musher.datasets import zips
from musher.datasets.zips import open_zip
from musher.errors import DatasetSourceError, UnreadableImageError


def packed(
    path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED
) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data, method)
    return path


class Unseekable(io.RawIOBase):
    """A file that zipfile writes as a stream: sizes stand behind each member."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: Any) -> int:
        return self._file.write(data)

    def writable(self) -> bool:
        return True


def info(name: str, mode: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.create_system = 3
    member.external_attr = mode << 16
    return member


def refusal(path: Path) -> str:
    with pytest.raises(DatasetSourceError) as caught, open_zip(path, address="photos.zip"):
        pass
    return str(caught.value)


def test_members_are_listed_and_read_without_unpacking(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "a.zip", ("p/train/cat/", b""), ("p/train/cat/1.jpg", b"one"), ("p/.DS_Store", b"x")
    )
    with open_zip(path, address="a.zip") as listing:
        (photo,) = listing.photos
        assert (photo.path, photo.size, photo.read()) == ("p/train/cat/1.jpg", 3, b"one")
        assert listing.folders == {"p/train/cat/"}
    assert [item.name for item in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty. Copy or download it again."),
        (b"\n<HTML>Sign in</html>", "is a web page, not a zip: open the address in a browser"),
        (b"PK\x03\x04 cut off", "is a zip whose end is missing: it was cut off. Copy or download it again."),
        (
            gzip.compress(b"x" * 600, mtime=0),
            "is a gzip archive (.tar.gz or .gz), and only zips are read. Unpack it",
        ),
        (bytes(257) + b"ustar", "is a tar archive, and only zips are read. Unpack it and give the folder"),
        (b"Rar!\x1a", "is a RAR archive, and only zips are read"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7z archive"),
        (b"\xff\xd8\xff\xe0", "is a single JPEG"),
        (b"hello", "is not a zip that can be read (File is not a zip file). Pack it again."),
    ],
)
def test_what_is_no_zip_is_refused_with_what_it_is(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    message = refusal(tmp_path / "a.zip")
    assert message.startswith(f"photos.zip ({len(data)} bytes) is ")
    assert words in message


def test_a_zip_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", ("1.jpg", b"one"))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 6] = 202
    path.write_bytes(data)
    assert "is not a zip that can be read (zip file version 20.2). Pack it again." in refusal(path)


def test_backslashes_stand_for_slashes(tmp_path: Path) -> None:
    """Windows' own zips before .NET 4.6.1 have them."""
    path = packed(tmp_path / "a.zip", ("p\\train\\cat\\", b""), ("p\\train\\cat\\1.jpg", b"one"))
    with open_zip(path, address="a.zip") as listing:
        assert [(photo.path, photo.read()) for photo in listing.photos] == [("p/train/cat/1.jpg", b"one")]
        assert listing.folders == {"p/train/cat/"}


def test_hidden_members_are_only_named(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "a.zip", (info("__MACOSX/._x", stat.S_IFLNK | 0o777), b"/etc"), ("a/1.jpg", b"1")
    )
    with open_zip(path, address="a.zip") as listing:
        assert [photo.path for photo in listing.photos] == ["a/1.jpg"]
        assert listing.hidden == {"__MACOSX/._x"}


def test_a_long_table_is_no_bomb(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", ("labels.csv", bytes(5_000_000)), ("a/1.jpg", b"1"))
    with open_zip(path, address="a.zip") as listing:
        assert len(listing.photos) == 2


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        ("../evil.jpg", "leads out of the archive"),
        ("train/../../evil.jpg", "leads out of the archive"),
        ("/etc/evil.jpg", "leads out of the archive"),
        ("train\\..\\evil.jpg", "leads out of the archive"),
        ("C:/evil.jpg", "leads out of the archive"),
        (info("link.jpg", stat.S_IFLNK | 0o777), "is a link or a special file"),
        (info("pipe.jpg", stat.S_IFIFO | 0o644), "is a link or a special file"),
    ],
)
def test_links_and_names_that_lead_out_are_refused(
    tmp_path: Path, member: str | zipfile.ZipInfo, reason: str
) -> None:
    message = refusal(packed(tmp_path / "a.zip", (member, b"/etc/passwd")))
    assert "photos.zip has 1 member(s) that are not accepted:" in message
    assert reason in message
    assert message.endswith("Pack it again from a plain folder.")


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", ("1.jpg", b"one"))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "'1.jpg' is encrypted" in refusal(path)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")  # zipfile's own, about what the test needs
def test_repeated_members_are_refused(tmp_path: Path) -> None:
    assert "'1.jpg' occurs more than once" in refusal(
        packed(tmp_path / "a.zip", ("1.jpg", b"one"), ("1.jpg", b"two"))
    )


def test_a_member_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", ("train/cat/1.jpg", bytes(5_000_000)))
    assert "looks like a zip bomb: train/cat/1.jpg (" in refusal(path)
    assert "bytes unpack to 5000000)" in refusal(path)


@pytest.mark.parametrize("end", [" ", "\u00a0", "/. ", "\\.", "\t"])
def test_a_member_whose_name_only_becomes_a_photos_is_measured_too(tmp_path: Path, end: str) -> None:
    path = packed(tmp_path / "a.zip", (f"train/cat/1.jpg{end}", bytes(5_000_000)))
    assert "looks like a zip bomb: train/cat/1.jpg" in refusal(path)


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """The quine-like bombs name one compressed stream many times."""
    data = bytearray(packed(tmp_path / "a.zip", ("1.jpg", bytes(range(256)) * 50)).read_bytes())
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entries = [bytes(data[start:end]).replace(b"1.jpg", f"{n}.jpg".encode()) for n in range(1, 9)]
    tail = bytearray(data[end:])
    tail[8:12] = len(entries).to_bytes(2, "little") * 2
    tail[12:16] = len(b"".join(entries)).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(data[:start] + b"".join(entries) + tail)
    assert "looks like a zip bomb: 2.jpg starts within 1.jpg. Pack it again." in refusal(tmp_path / "a.zip")


@pytest.mark.parametrize("names", [("1.jpg", "labels.csv"), ("labels.csv", ".hidden")])
def test_no_member_may_start_within_another_whatever_its_name(tmp_path: Path, names: tuple[str, str]) -> None:
    """What is stored in the first is the second, header and all."""
    inner = packed(tmp_path / "inner.zip", (names[1], b"x" * 1000), method=zipfile.ZIP_STORED).read_bytes()
    within = inner[: inner.index(b"PK\x01\x02")]
    path = packed(tmp_path / "a.zip", (names[0], within), (names[1], b"x" * 1000), method=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\x01\x02") + 42
    data[place : place + 4] = data.index(within).to_bytes(4, "little")
    path.write_bytes(data)
    with zipfile.ZipFile(path) as archive:
        assert archive.read(names[1]) == b"x" * 1000
    assert f"looks like a zip bomb: {names[1]} starts within {names[0]}. Pack it again." in refusal(path)


def test_a_member_may_not_reach_into_the_directory(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", ("1.jpg", b"x" * 1000), method=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\x01\x02") + 20
    data[place : place + 4] = (1001).to_bytes(4, "little")
    path.write_bytes(data)
    assert "looks like a zip bomb: the directory starts within 1.jpg. Pack it again." in refusal(path)


def test_a_zip_behind_a_program_and_with_lengths_behind_its_members_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"MZ program")
    with path.open("ab") as file, zipfile.ZipFile(Unseekable(file), "w") as archive:
        archive.writestr("a/1.jpg", b"one")
        archive.writestr("Bär/2.jpg", b"two")
    with open_zip(path, address="a.zip") as listing:
        assert [photo.read() for photo in listing.photos] == [b"one", b"two"]


def test_more_members_or_bytes_than_the_limits_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path / "a.zip", ("1.jpg", b"one"), ("2.jpg", b"two"))
    monkeypatch.setattr(zips, "MAX_UNPACKED_BYTES", 5)
    assert "2 members of 6 bytes" in refusal(path)
    monkeypatch.undo()
    monkeypatch.setattr(zips, "MAX_MEMBERS", 1)
    assert "has more than 1 members. Split it" in refusal(path)


def _flip_data(data: bytearray) -> None:
    data[data.index(b"one-one")] ^= 0xFF


def test_a_member_that_is_packed_in_an_unknown_way_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", ("1.jpg", b"one"))
    data = bytearray(path.read_bytes())
    data[8] = data[data.index(b"PK\x01\x02") + 10] = 9
    path.write_bytes(data)
    assert "'1.jpg' is packed by method 9, and only stored and deflated files are read" in refusal(path)


@pytest.mark.parametrize("damage", [_flip_data])
def test_a_damaged_member_is_an_unreadable_image(tmp_path: Path, damage: Callable[[bytearray], None]) -> None:
    data = bytearray(
        packed(tmp_path / "a.zip", ("1.jpg", b"one-one"), method=zipfile.ZIP_STORED).read_bytes()
    )
    damage(data)
    (tmp_path / "a.zip").write_bytes(data)
    with (
        open_zip(tmp_path / "a.zip", address="a.zip") as listing,
        pytest.raises(UnreadableImageError, match="damaged in the zip"),
    ):
        listing.photos[0].read()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.zip")
