"""Views of the file system: what is mounted where, and the two ways to a namespace."""

import shutil
import subprocess
from pathlib import Path

import pytest

from localaws.namespaces import Mount, Support, View, enter, find_support, hosts_text, mount_opt_ml


def test_a_target_that_exists_is_mounted_on(tmp_path: Path) -> None:
    view = View(base=tmp_path / "base", scratch=tmp_path)
    assert mount_opt_ml(view, target=tmp_path) == [Mount(tmp_path / "base", tmp_path)]


def test_a_target_that_does_not_exist_appears_beside_what_is_there(tmp_path: Path) -> None:
    opt, scratch = tmp_path / "opt", tmp_path / "scratch"
    (opt / "tools").mkdir(parents=True)
    (opt / "notes").touch()
    (opt / "link").symlink_to("tools")
    scratch.mkdir()
    mounts = mount_opt_ml(View(base=tmp_path / "base", scratch=scratch), target=opt / "ml")
    stage = scratch / "parent"
    assert sorted(path.name for path in stage.iterdir()) == ["link", "ml", "notes", "tools"]
    assert (stage / "link").readlink() == Path("tools")
    assert mounts[-2:] == [Mount(tmp_path / "base", stage / "ml"), Mount(stage, opt)]
    covered = {Mount(opt / name, stage / name) for name in ("tools", "notes")}
    assert set(mounts[:-2]) == covered
    assert sorted(path.name for path in opt.iterdir()) == ["link", "notes", "tools"]


def test_names_with_blanks_are_escaped() -> None:
    assert Mount(Path("/a b"), Path("/c\\d")).as_line() == "/a\\040b /c\\134d none rbind 0 0\n"


def test_the_machines_own_names_stay_first() -> None:
    text = hosts_text("127.0.0.1 localhost\n", names=["algo-1", "algo-2"])
    assert text == "127.0.0.1 localhost\n127.0.0.1 algo-1 algo-2\n"
    assert hosts_text("x", names=[]) == "x"


def test_support_is_a_command_or_a_reason() -> None:
    support = find_support()
    assert bool(support.unshare) != bool(support.refusal)


def test_a_user_namespace_gives_the_same_view(tmp_path: Path) -> None:
    unshare, mount = shutil.which("unshare"), shutil.which("mount")
    if unshare is None or mount is None:
        assert "not installed" in find_support().refusal
        return
    support = Support(unshare=(unshare, "--user", "--map-root-user", "--mount"), mount=mount)
    (tmp_path / "my base").mkdir()
    view = View(base=tmp_path / "my base", scratch=tmp_path / "scratch", names=["algo-7"])
    command = ["/bin/sh", "-c", "grep -c algo-7 /etc/hosts && id -u && pwd && echo here > file"]
    argv = enter(command, view=view, support=support)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode != 0:  # this kernel, or what this runs in, allows none
        assert "not permitted" in done.stderr or "denied" in done.stderr
        return
    assert done.stdout.split() == ["1", "0", "/opt/ml"]
    assert (tmp_path / "my base" / "file").read_text() == "here\n"


def test_a_machine_without_the_programs_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    find_support.cache_clear()
    try:
        assert "util-linux" in find_support().refusal
    finally:
        find_support.cache_clear()
