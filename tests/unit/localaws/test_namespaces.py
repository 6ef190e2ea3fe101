"""Views of the file system: what is mounted where."""

from pathlib import Path

from localaws.namespaces import HOSTS_FILE, OPT_ML, Memory, Mount, hide, host_view, hosts_text, mount_below


def test_a_target_that_exists_is_mounted_on(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (mount,) = mount_below(tmp_path.parent, {tmp_path.name: tmp_path / "base"}, scratch=tmp_path)
    assert (mount.source, mount.target, mount.flags[0]) == (tmp_path / "base", tmp_path, "ro")


def test_a_target_that_does_not_exist_appears_beside_what_is_there(tmp_path: Path) -> None:
    opt, scratch, base = tmp_path / "opt", tmp_path / "scratch", tmp_path / "base"
    (opt / "tools").mkdir(parents=True)
    (opt / "notes").touch()
    (opt / "link").symlink_to("tools")
    scratch.mkdir()
    mounts = mount_below(opt, {"ml": base}, scratch=scratch, is_writable=True)
    stage = scratch / "parent"
    assert sorted(path.name for path in stage.iterdir()) == ["link", "ml", "notes", "tools"]
    assert (stage / "link").readlink() == Path("tools")
    assert mounts[-2:] == [Mount(source=base, target=stage / "ml"), Mount(source=stage, target=opt)]
    covered = {Mount(source=opt / name, target=stage / name) for name in ("tools", "notes")}
    assert set(mounts[:-2]) == covered
    assert sorted(path.name for path in opt.iterdir()) == ["link", "notes", "tools"]


def test_the_machines_own_names_stay_first() -> None:
    text = hosts_text("127.0.0.1 localhost\n", names=["algo-1", "algo-2"])
    assert text == "127.0.0.1 localhost\n127.0.0.1 algo-1 algo-2\n"
    assert hosts_text("x", names=[]) == "x"


def test_a_host_is_root_and_sees_its_folder_its_names_and_a_protected_environment(tmp_path: Path) -> None:
    request = host_view(tmp_path / "ml", scratch=tmp_path / "scratch", names=["algo-7"]).as_request()
    assert request["is_root"]
    sources = {mount["source"]: mount for mount in request["mounts"]}
    assert sources[str(tmp_path / "ml")]["target"].endswith(OPT_ML.name)
    assert sources[str(tmp_path / "scratch" / "hosts")]["target"] == str(HOSTS_FILE)
    assert (tmp_path / "scratch" / "hosts").read_text().endswith("127.0.0.1 algo-7\n")
    assert request["mounts"][-1]["flags"][0] == "ro"


def test_what_is_kept_of_a_hidden_folder_lies_where_it_was(tmp_path: Path) -> None:
    stage, kept = tmp_path / "mine" / "stage", [tmp_path / "mine" / "python", None, Path("/usr")]
    memory, shown, over = hide(tmp_path, kept=kept, stage=stage)
    assert stage.is_dir()
    assert memory == Memory(target=stage, size_mb=1)
    assert shown == Mount(source=tmp_path / "mine/python", target=stage / "mine/python", is_target_made=True)
    assert over == Mount(source=stage, target=tmp_path)


def test_folders_that_are_fixed_are_read_only(tmp_path: Path) -> None:
    (tmp_path / "ml" / "model").mkdir(parents=True)
    request = host_view(tmp_path / "ml", scratch=tmp_path / "scratch", fixed=["model"]).as_request()
    (fixed,) = [mount for mount in request["mounts"] if mount["source"] == str(tmp_path / "ml/model")]
    assert (fixed["target"], fixed["flags"][0]) == ("/opt/ml/model", "ro")
