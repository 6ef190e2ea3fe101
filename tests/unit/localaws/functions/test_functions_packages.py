"""Deployment packages: only plain files, only inside, only so many."""

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest

from localaws.errors import ArchiveError
from localaws.functions import packages
from localaws.functions.packages import Packages


def zip_of(members: dict[str, bytes], *, mode: int = 0o644, compression: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip archive whose members all have the same mode."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def test_a_package_is_unpacked_once_and_cannot_be_written(tmp_path: Path) -> None:
    store, code = Packages(tmp_path / "code"), zip_of({"app.py": b"x = 1\n", "lib/tool": b"#!"}, mode=0o755)
    root = store.unpack(code)
    assert (root / "app.py").read_bytes() == b"x = 1\n"
    assert os.access(root / "lib" / "tool", os.X_OK)
    assert not stat.S_IMODE((root / "lib").stat().st_mode) & 0o222
    assert not stat.S_IMODE((root / "app.py").stat().st_mode) & 0o222
    assert store.unpack(code) == root
    store.close()
    assert not (tmp_path / "code").exists()


def test_a_folder_in_the_archive_is_fine(tmp_path: Path) -> None:
    root = Packages(tmp_path).unpack(zip_of({"empty/": b"", "a/b.py": b""}))
    assert (root / "empty").is_dir()


@pytest.mark.parametrize("name", ["../evil.py", "/etc/evil", "a/../../evil"])
def test_a_member_outside_is_refused(tmp_path: Path, name: str) -> None:
    code = zip_of({name: b""})
    with pytest.raises(ArchiveError, match="points outside"):
        packages.check(code)
    with pytest.raises(ArchiveError, match="points outside"):
        Packages(tmp_path / "code").unpack(code)
    assert list((tmp_path / "code").iterdir()) == []


def test_a_link_is_refused() -> None:
    with pytest.raises(ArchiveError, match="neither a regular file nor a folder"):
        packages.check(zip_of({"link": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777))


def test_what_is_no_zip_is_refused() -> None:
    with pytest.raises(ArchiveError, match="Could not unzip uploaded file"):
        packages.check(b"nonsense")


def test_a_package_too_large_is_refused_whatever_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sizes in the directory of an archive may be a lie: the bytes are counted too."""
    monkeypatch.setattr(packages, "UNZIPPED_LIMIT", 1000)
    code = zip_of({"app.py": b"x" * 1001}, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ArchiveError, match="must be smaller than 1000 bytes"):
        packages.check(code)
    with pytest.raises(ArchiveError, match="must be smaller than 1000 bytes"):
        Packages(tmp_path / "code").unpack(code)


def test_a_zip_whose_directory_lies_elsewhere_is_unreadable(tmp_path: Path) -> None:
    code = bytearray(zip_of({"app.py": b"x = 1\n"}))
    code[-6] += 5  # where the end says that the directory begins
    with pytest.raises(ArchiveError, match="Could not unzip"):
        Packages(tmp_path).unpack(bytes(code))


def test_a_zip_of_a_version_to_come_is_unreadable() -> None:
    code = bytearray(zip_of({"app.py": b"x = 1\n"}))
    code[code.index(b"PK\x01\x02") + 6] = 200  # the version that is needed to extract it
    with pytest.raises(ArchiveError, match="Could not unzip"):
        packages.check(bytes(code))
