"""Archives have the same bytes for the same files."""

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from musher.errors import ArchiveError
from musher.packaging import (
    IMAGE_FILES,
    Archive,
    pack_function,
    pack_image_context,
    pack_load_generator,
    pack_source,
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
