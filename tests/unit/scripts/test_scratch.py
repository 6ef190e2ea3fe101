"""The folder for temporary files: it goes, whoever was killed, and nobody else's does."""

import os
from pathlib import Path

import pytest

from scripts.demo import make_folder
from scripts.scratch import NOTE, PREFIX, remove_left, scratch_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine's folder for temporary files."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(folder))
    return folder


def test_what_is_started_has_it_as_tmpdir_and_it_goes_at_the_end(tmp_path: Path, temporary: Path) -> None:
    before = os.environ.get("TMPDIR")
    with scratch_folder(tmp_path) as folder:
        assert os.environ["TMPDIR"] == str(folder)
        assert (tmp_path / NOTE).read_text() == str(folder)
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "file").touch()
    assert os.environ.get("TMPDIR") == before
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / NOTE).exists()


def test_what_a_killed_one_left_is_removed_and_named(
    tmp_path: Path, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = temporary / f"{PREFIX}0123abcd"
    (left / "localaws-1").mkdir(parents=True)
    (tmp_path / NOTE).write_text(str(left))
    with scratch_folder(tmp_path):
        assert not left.exists()
    assert capsys.readouterr().out == f"Removed what was left of a run that was killed: {left}\n"


@pytest.mark.parametrize("name", ["important", f"{PREFIX}link", f"{PREFIX}file"])
def test_a_note_of_what_is_not_ours_removes_nothing(tmp_path: Path, temporary: Path, name: str) -> None:
    important = temporary / "important"
    important.mkdir()
    (temporary / f"{PREFIX}link").symlink_to(important)
    (temporary / f"{PREFIX}file").touch()
    (tmp_path / NOTE).write_text(str(temporary / name))
    remove_left(tmp_path)
    assert important.is_dir()
    assert (temporary / f"{PREFIX}file").exists()


@pytest.mark.parametrize("text", ["", "musher-0123abcd", "../musher-0123abcd"])
def test_a_note_that_was_cut_or_is_no_whole_path_removes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "musher-0123abcd").mkdir()
    (tmp_path / NOTE).write_text(text)
    remove_left(tmp_path)
    assert (tmp_path / "musher-0123abcd").is_dir()
    assert not (tmp_path / NOTE).exists()


def test_runs_that_begin_within_a_second_have_folders_of_their_own(tmp_path: Path) -> None:
    folders = {make_folder(tmp_path) for _ in range(3)}
    assert len(folders) == 3
    assert (tmp_path / "latest").resolve() in folders
