"""The folder of a localaws: whose it is, and what is removed from it."""

from pathlib import Path

import pytest

from localaws.data_dir import MARK, hold_data_dir
from localaws.errors import DataDirError


def test_a_folder_is_made_with_its_parents_and_stays(tmp_path: Path) -> None:
    wanted = tmp_path / "a" / "b"
    with hold_data_dir(wanted) as folder:
        assert folder == wanted.resolve()
        (folder / "job").touch()
    assert (wanted / "job").exists()


def test_what_a_killed_localaws_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    with hold_data_dir(tmp_path) as folder:
        (folder / "endpoints" / "model").mkdir(parents=True)
        (folder / "bundle.pem").touch()
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "kept").touch()
    (tmp_path / "link").symlink_to(outside)
    with hold_data_dir(tmp_path) as folder:
        assert [path.name for path in folder.iterdir()] == [MARK]
    assert (outside / "kept").exists()


def test_a_folder_with_files_of_others_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    message = rf"{tmp_path} holds files that localaws did not make \(thesis.tex\): name an empty folder"
    with pytest.raises(DataDirError, match=message), hold_data_dir(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_new_file_system_is_as_good_as_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    with hold_data_dir(tmp_path):
        assert (tmp_path / "lost+found").exists()


def test_two_cannot_have_one_folder_and_the_first_keeps_its_files(tmp_path: Path) -> None:
    with hold_data_dir(tmp_path) as folder:
        (folder / "job").touch()
        with pytest.raises(DataDirError, match="belongs to a localaws that runs"), hold_data_dir(tmp_path):
            pass
        assert (folder / "job").exists()
    with hold_data_dir(tmp_path):
        pass


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/proc/nope", "No such file or directory"),
        ("/dev/null", "File exists|Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_folder_that_cannot_be_is_named_with_the_reason(path: str, reason: str, tmp_path: Path) -> None:
    named = tmp_path / path
    with (
        pytest.raises(DataDirError, match=f"^cannot use --data-dir {named}: ({reason})"),
        hold_data_dir(named),
    ):
        pass


def test_without_a_folder_there_is_a_temporary_one() -> None:
    with hold_data_dir(None) as folder:
        assert folder.name.startswith("localaws-")
        (folder / MARK).unlink()
        folder.rmdir()


def test_a_place_for_temporary_files_that_cannot_be_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/proc/nope")
    message = r"^cannot use the folder for temporary files: No such file"
    with pytest.raises(DataDirError, match=message), hold_data_dir(None):
        pass


def test_other_users_of_the_machine_see_nothing_of_it(tmp_path: Path) -> None:
    made, given = tmp_path / "made", tmp_path / "given"
    given.mkdir(mode=0o755)
    for folder in (made, given):
        with hold_data_dir(folder):
            assert folder.stat().st_mode & 0o777 == 0o700
