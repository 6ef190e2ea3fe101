"""What a machine of its own sees of this one."""

import os
from pathlib import Path

from localaws.disks import copy_readable, find_folders, link_programs, make_targets, mount_points


def test_programs_are_seen_where_run_shows_them_beside_those_of_its_own(tmp_path: Path) -> None:
    programs, folder = tmp_path / "sbin", tmp_path / "links"
    programs.mkdir()
    (programs / "tool").touch()
    (programs / "shutdown").touch()
    (tmp_path / "elsewhere").touch()
    (programs / "linked").symlink_to("../elsewhere")
    link_programs(programs, folder, own=("halt", "shutdown"))
    shown = f"/run/localaws{str(programs).replace('/', '-')}"
    assert (folder / "tool").readlink() == Path(shown, "tool")
    assert (folder / "linked").readlink() == tmp_path / "elsewhere"
    assert (folder / "shutdown").readlink() == Path("/run/localaws/bin/shutdown")
    assert sorted(path.name for path in folder.iterdir()) == ["halt", "linked", "shutdown", "tool"]


def test_only_one_of_two_folders_that_are_one_is_covered(tmp_path: Path) -> None:
    (tmp_path / "usr").mkdir()
    (tmp_path / "sbin").symlink_to("usr")
    names = (tmp_path / "usr", tmp_path / "sbin", tmp_path / "none")
    assert find_folders(names) == [tmp_path / "usr"]


def test_pipes_and_sockets_are_not_copied(tmp_path: Path) -> None:
    source, target = tmp_path / "etc", tmp_path / "disk"
    (source / "inside").mkdir(parents=True)
    (source / "inside" / "file").write_text("text")
    (source / "link").symlink_to("nowhere")
    os.mkfifo(source / "pipe")
    copy_readable(source, target)
    assert sorted(path.name for path in target.iterdir()) == ["inside", "link"]
    assert (target / "inside" / "file").read_text() == "text"


def test_targets_are_made_for_files_and_folders(tmp_path: Path) -> None:
    file, folder = tmp_path / "a" / "file", tmp_path / "a" / "folder"
    folder.mkdir(parents=True)
    file.touch()
    disk = tmp_path / "disk"
    make_targets(disk, [file, folder])
    assert (disk / file.relative_to("/")).is_file()
    assert (disk / folder.relative_to("/")).is_dir()


def test_the_root_is_among_the_mount_points_and_proc_is_not() -> None:
    found = mount_points()
    assert Path("/") in found
    assert Path("/proc") not in found
    assert len(found) == len(set(found))
