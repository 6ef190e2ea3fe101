"""Archives have the same bytes for the same files, and foreign archives are read with care."""

import gzip
import io
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from musher import packaging
from musher.errors import ArchiveError
from musher.packaging import (
    IMAGE_FILES,
    Archive,
    pack_function,
    pack_image_context,
    pack_load_generator,
    pack_source,
    read_member_from_tar_gz,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A training folder with what belongs into an archive and what does not."""
    top = tmp_path / "training"
    for name, text in {
        "train.py": "print('train')",
        "imgclf/model.py": "x = 1",
        "requirements.txt": "safetensors",
        "Dockerfile": "FROM scratch",
        "setup.py": "raise SystemExit",
        "__pycache__/train.cpython-311.pyc": "bytecode",
        "imgclf/__pycache__/model.pyc": "bytecode",
        ".git/config": "",
        "imgclf/.hidden": "",
    }.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return top


PACKED = ["imgclf/model.py", "requirements.txt", "train.py"]


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


def test_a_source_archive_holds_code_only(folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(pack_source(folder=folder).body), mode="r:gz") as tar:
        assert tar.getnames() == PACKED
        assert {(m.mtime, m.uid, m.gid, m.uname, m.mode) for m in tar} == {(0, 0, 0, "", 0o644)}


def test_a_function_archive_holds_code_only(folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(pack_function(folder=folder).body)) as archive:
        assert archive.namelist() == PACKED
        assert archive.read("train.py") == b"print('train')"
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o100644}


@pytest.mark.parametrize("pack", [pack_source, pack_function])
def test_the_same_files_make_the_same_bytes(folder: Path, pack: Callable[..., Archive]) -> None:
    before = pack(folder=folder)
    os.utime(folder / "train.py", (1, 1))
    (folder / "__pycache__" / "new.pyc").write_text("x")
    assert pack(folder=folder) == before


@pytest.mark.parametrize("name", ["train.py", "new.py"])
def test_a_changed_or_new_file_changes_the_hash(folder: Path, name: str) -> None:
    before = pack_source(folder=folder).code_hash
    (folder / name).write_text("changed")
    after = pack_source(folder=folder)
    assert after.code_hash != before
    assert len(after.code_hash) == 64


def test_scripts_stay_executable(folder: Path) -> None:
    before = pack_source(folder=folder).code_hash
    (folder / "train.py").chmod(0o744)
    archive = pack_source(folder=folder)
    with tarfile.open(fileobj=io.BytesIO(archive.body)) as tar:
        assert tar.getmember("train.py").mode == 0o755
    assert archive.code_hash != before


def test_links_in_the_folder_are_refused(folder: Path) -> None:
    (folder / "secret.py").symlink_to("/etc/passwd")
    with pytest.raises(ArchiveError, match=r"training holds links: secret.py. Replace them by copies"):
        pack_source(folder=folder)


def test_a_missing_or_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"none is not a folder that can be packed. Correct the setting"):
        pack_source(folder=tmp_path / "none")
    with pytest.raises(ArchiveError, match="holds no files to pack"):
        pack_function(folder=tmp_path)


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
    monkeypatch.setattr(packaging, "MAX_UNPACKED_BYTES", 100_000)
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
    monkeypatch.setattr(packaging, "MAX_MEMBERS", 3)
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


def source_files(archive: Archive) -> dict[str, bytes]:
    """Return the files of a source archive."""
    with tarfile.open(fileobj=io.BytesIO(archive.body), mode="r:gz") as tar:
        return {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]  # files


def test_each_job_gets_its_own_list_of_packages(folder: Path) -> None:
    (folder / "requirements-embed.txt").write_text("onnx")
    plain, embed = (
        pack_source(folder=folder),
        pack_source(folder=folder, requirements="requirements-embed.txt"),
    )
    assert list(source_files(plain)) == list(source_files(embed)) == PACKED
    assert source_files(plain)["requirements.txt"] == b"safetensors"
    assert source_files(embed)["requirements.txt"] == b"onnx"
    assert plain.code_hash != embed.code_hash


def test_a_missing_list_of_packages_is_named(folder: Path) -> None:
    with pytest.raises(ArchiveError, match=r"has no requirements-embed\.txt"):
        pack_source(folder=folder, requirements="requirements-embed.txt")


TRAINING = Path(__file__).parents[3] / "training"


def test_the_images_context_is_the_dockerfile_and_what_it_copies() -> None:
    lines = (TRAINING / "Dockerfile").read_text().splitlines()
    copied = {word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]}
    assert set(IMAGE_FILES) == {"Dockerfile", *copied}
    assert list(IMAGE_FILES) == sorted(IMAGE_FILES)
    with zipfile.ZipFile(io.BytesIO(pack_image_context(folder=TRAINING).body)) as archive:
        assert archive.namelist() == list(IMAGE_FILES)


def test_only_what_an_image_is_made_of_changes_its_name(tmp_path: Path) -> None:
    for name in (*IMAGE_FILES, "imgclf/images.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    before = pack_image_context(folder=tmp_path).code_hash
    (tmp_path / "imgclf/images.py").write_text("other code, which comes with the model")
    assert pack_image_context(folder=tmp_path).code_hash == before
    (tmp_path / "requirements.txt").write_text("other packages")
    assert pack_image_context(folder=tmp_path).code_hash != before


def test_a_folder_without_dockerfile_is_refused_with_the_way_out(folder: Path) -> None:
    (folder / "Dockerfile").unlink()
    with pytest.raises(ArchiveError, match=r"lacks Dockerfile, .*MUSHER_MODEL_IMAGE"):
        pack_image_context(folder=folder)


def test_the_load_generator_runs_where_nothing_else_of_musher_is(tmp_path: Path) -> None:
    """The start looks for its packages, then imports the program, which asks for its order."""
    archive = pack_load_generator()
    assert archive == pack_load_generator()
    (tmp_path / "traffic.zip").write_bytes(archive.body)
    words = [sys.executable, "-I", "traffic.zip"]
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert "No such file or directory: '/opt/ml/processing/input/order/order.json'" in ended.stderr
    with zipfile.ZipFile(io.BytesIO(archive.body)) as packed:
        assert all(name == "__main__.py" or name.startswith("musher/") for name in packed.namelist())
        assert not [name for name in packed.namelist() if b"import airflow" in packed.read(name)]
