"""The computer of one instance: its disk, what it sees of this machine, and its first program.

It sees this machine's folders read-only, and has /etc, /home, /opt, /root, /tmp and /var of its own, which
live as long as the instance (/tmp and /run end with each boot).
"""

import json
import os
import shutil
import site
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from localaws.context import Context, python_environment
from localaws.ec2.agent import Agent
from localaws.ec2.console import Console
from localaws.functions.packages import remove_tree
from localaws.namespaces import Memory, Mount, View, hide, read_only
from localaws.overlays import Overlay
from localaws.processes import PROGRAMS, Child
from localaws.sagemaker.background import count_instances

ROOT = Path("/")
OWN = ("etc", "home", "opt", "root", "tmp", "var")
"""Folders of the root that an instance has for itself."""
SYSTEM = Path("/run/localaws")
PYTHON = Path("/var/lib/localaws/python")
"""Where the instance sees what localaws gave it, and its Python environment."""
PROGRAMS_INSIDE = ("instance_init.py", "instance_agent.py", "instance_power.py")
POWER = ("shutdown", "poweroff", "halt", "reboot")
ADMINISTRATION = (Path("/usr/sbin"), Path("/sbin"))
"""Folders in which scripts call these commands by their path."""
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "nvidia*")
"""What an instance has of this machine's devices: no disks, no terminals."""
DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
MEMORY_MB = 64
"""MiB of /run and of /dev/shm."""
STOP_GRACE_S = 8.0
"""Real seconds that an instance has to shut down."""
SYSTEM_PATHS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
FOREIGN_VARIABLES = ("AWS_EC2_METADATA_DISABLED", "HOME", "TMPDIR")
"""Variables of other children that an instance does not get; cloud-init sets no HOME."""


class Computer:
    """`start` and `stop` it in turn; `remove` it in the end."""

    def __init__(self, *, name: str, context: Context, console: Console) -> None:
        self._name = name
        self._context = context
        self._console = console
        self._folder = context.data_dir / "ec2" / name
        self._child: Child | None = None
        self.agent = Agent()

    @property
    def pid(self) -> int:
        """Its first program, as this machine sees it; 0 while it is off."""
        child = self._child
        return 0 if child is None else child.pid

    def start(self, *, boot: Mapping[str, Any], region: str, metadata_url: str) -> None:
        """Switch it on; raises OSError or ChildStartError where that fails."""
        disk, system = self._folder / "disk", self._folder / "system"
        kept = list(self._kept())
        if not disk.exists():
            make_disk(disk, kept)
        remove_tree(disk / "tmp")
        make_folder(disk / "tmp", mode=0o1777)
        make_targets(disk, [path for path in kept if path.parts[1] == "tmp"])
        write_system(system, boot)
        self.agent.open(system)
        self._child = self._context.supervisor.start(
            name=f"ec2-{self._name}",
            argv=[str(PYTHON / "bin" / "python"), "-I", "-S", str(SYSTEM / "instance_init.py")],
            env=self._environment(region=region, metadata_url=metadata_url),
            cwd=ROOT,
            on_line=self._console.write,
            view=self._view(disk, system, kept),
        )

    def _kept(self) -> Iterator[Path]:
        """Give what of this machine's own folders the instance needs: Python, our packages, authorities."""
        wanted = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parents[1]}
        wanted |= {Path(folder) for folder in site.getsitepackages()}
        if self._context.ca_bundle is not None:
            wanted.add(self._context.ca_bundle)
        for path in sorted(wanted):
            is_inside = any(path != other and path.is_relative_to(other) for other in wanted)
            if path.parts[1] in OWN and path.exists() and not is_inside:
                yield path

    def _view(self, disk: Path, system: Path, kept: list[Path]) -> View:
        data = self._context.data_dir
        own = [ROOT / name for name in OWN if (ROOT / name).is_dir()]
        own.sort(key=data.is_relative_to)  # what covers the sources of the others comes last
        mounts: list[Mount | Memory] = [
            read_only(source=path, target=disk / path.relative_to(ROOT)) for path in kept
        ]
        mounts += self._run_folder(system)
        mounts += self._devices()
        mounts += [Mount(source=disk / folder.name, target=folder) for folder in own]
        mounts += self._hide_data()
        covered = [*own, ROOT / "run", ROOT / "dev", *ADMINISTRATION, data]
        mounts += [
            read_only(source=point, target=point)
            for point in mount_points()
            if not any(point.is_relative_to(folder) for folder in covered) and os.access(point, os.F_OK)
        ]
        return View(mounts=mounts, is_root=True)

    def _hide_data(self) -> list[Mount | Memory]:
        """Return what hides the data of localaws, where no folder of the instance's own does."""
        data, stage = self._context.data_dir, self._folder / "data"
        if data.parts[1] in OWN:
            return []
        shutil.rmtree(stage, ignore_errors=True)
        return hide(data, kept=[self._context.ca_bundle], stage=stage)

    def _devices(self) -> list[Mount | Memory]:
        """Return the mounts of /dev: root could write to the disks in this machine's."""
        stage = self._folder / "dev"
        shutil.rmtree(stage, ignore_errors=True)
        make_folder(stage / "shm", mode=0o1777)
        for name, goal in DEVICE_LINKS.items():
            (stage / name).symlink_to(goal)
        mounts: list[Mount | Memory] = []
        for device in (path for pattern in DEVICES for path in (ROOT / "dev").glob(pattern)):
            if not device.is_dir():
                (stage / device.name).touch()
                mounts.append(Mount(source=device, target=stage / device.name))
        mounts.append(Mount(source=stage, target=ROOT / "dev"))
        return [*mounts, Memory(target=ROOT / "dev" / "shm", size_mb=MEMORY_MB)]

    def _run_folder(self, system: Path) -> list[Mount | Memory]:
        """Return the mounts of /run, in which `system` lies, and of the commands for power."""
        runs = self._folder / "run"
        make_folder(runs, mode=0o755)
        mounts: list[Mount | Memory] = [
            Memory(target=runs, size_mb=MEMORY_MB),
            make_target(read_only(source=system, target=runs / SYSTEM.name)),
        ]
        for folder in find_administration():
            shown = runs / f"{SYSTEM.name}{folder.as_posix().replace('/', '-')}"
            mounts.append(make_target(read_only(source=folder, target=shown)))
        mounts.append(Mount(source=runs, target=ROOT / "run"))
        for folder in find_administration():
            links = system / folder.relative_to(ROOT)
            mounts.append(read_only(source=links, target=folder))
        return mounts

    def _environment(self, *, region: str, metadata_url: str) -> dict[str, str]:
        variables = self._context.child_environment(region=region)
        for name in FOREIGN_VARIABLES:
            variables.pop(name, None)
        folders = [SYSTEM / "bin", PYTHON / "bin", Path(sys.executable).parent, *SYSTEM_PATHS]
        own = {
            "PATH": os.pathsep.join(map(str, folders)),
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata_url,
        }
        sharers = 1 + count_instances(self._context.services)
        return python_environment(variables | own, sharers=sharers)

    def wait(self, *, timeout_s: float) -> int | None:
        """Wait for the end of the first program, at most so many real seconds; return its exit code."""
        assert self._child is not None
        return self._child.wait(timeout_s=timeout_s)

    def press_power(self) -> None:
        """Ask it to shut down; returns at once."""
        child = self._child
        if child is not None:
            child.terminate()

    def freeze(self) -> None:
        """Let nothing of it run, and keep all that is in its memory."""
        if self._child is not None:
            self._child.freeze()

    def thaw(self) -> None:
        """Let it go on where it was."""
        if self._child is not None:
            self._child.thaw()

    def stop(self) -> None:
        """Switch it off: SIGTERM, time to end, SIGKILL. Nothing of it runs afterwards."""
        self.agent.close()
        if self._child is not None:
            self._context.supervisor.stop(self._child, grace_s=STOP_GRACE_S)
            self._child = None

    def remove(self) -> None:
        """Remove its disk."""
        remove_tree(self._folder)


def make_disk(disk: Path, kept: list[Path]) -> None:
    """Make the disk of a new instance, with what `kept` is to be mounted on."""
    for name in OWN:
        make_folder(disk / name, mode=0o700 if name == "root" else 0o755)
    copy_readable(Path("/etc"), disk / "etc")
    for name in ("log", "lib", "cache"):
        make_folder(disk / "var" / name, mode=0o755)
    make_folder(disk / "var" / "tmp", mode=0o1777)
    (disk / "var" / "run").symlink_to("/run")
    Overlay(folder=disk / PYTHON.relative_to(ROOT)).make()
    make_targets(disk, kept)


def copy_readable(source: Path, target: Path) -> None:
    """Copy a folder: its files, folders and links, but nothing that may not be read."""

    def find_others(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if not may_copy(Path(folder, name))]

    shutil.copytree(source, target, symlinks=True, ignore=find_others, dirs_exist_ok=True)


def may_copy(path: Path) -> bool:
    """Tell whether a path is a link, or a file or folder that this process may read."""
    return path.is_symlink() or ((path.is_file() or path.is_dir()) and os.access(path, os.R_OK))


def make_folder(folder: Path, *, mode: int) -> None:
    """Make a folder with this mode, whatever the umask."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(mode)


def make_targets(disk: Path, kept: list[Path]) -> None:
    """Make what `kept` is to be mounted on, in folders that no instance has written to yet."""
    for path in kept:
        target = disk / path.relative_to(ROOT)
        (target if path.is_dir() else target.parent).mkdir(parents=True, exist_ok=True)
        if not path.is_dir():
            target.touch()


def make_target(mount: Mount) -> Mount:
    """Return a mount whose target is made first."""
    return Mount(source=mount.source, target=mount.target, flags=mount.flags, is_target_made=True)


def write_system(folder: Path, boot: Mapping[str, Any]) -> None:
    """Write what the instance starts with: the first program, the commands for its power, what to do."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    for name in PROGRAMS_INSIDE:
        shutil.copy(PROGRAMS / name, folder / name)
    (folder / "boot.json").write_text(json.dumps(boot))
    for name in POWER:
        text = f'#!/bin/sh\nexec {PYTHON}/bin/python -I -S {SYSTEM}/instance_power.py {name} "$@"\n'
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    for shown in find_administration():
        link_programs(shown, folder / shown.relative_to(ROOT))


def find_administration() -> list[Path]:
    """Return the folders of programs for administrators; on most systems one is a link to the other."""
    return [folder for folder in ADMINISTRATION if folder.is_dir() and not folder.is_symlink()]


def link_programs(source: Path, folder: Path) -> None:
    """Fill a folder with links to the programs of `source`, as /run shows it, and for power to ours."""
    folder.mkdir(parents=True)
    shown = f"{SYSTEM}{source.as_posix().replace('/', '-')}"
    for entry in source.iterdir():
        if entry.name not in POWER:
            goal = os.path.realpath(entry) if entry.is_symlink() else f"{shown}/{entry.name}"
            (folder / entry.name).symlink_to(goal)
    for name in POWER:
        (folder / name).symlink_to(SYSTEM / "bin" / name)


def mount_points() -> list[Path]:
    """Return where something is mounted on this machine, /proc apart, which each namespace has for itself."""
    lines = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    names = (line.split()[4].encode("latin-1", "surrogateescape").decode("unicode_escape") for line in lines)
    paths = dict.fromkeys(Path(name) for name in names)
    return [path for path in paths if not path.is_relative_to("/proc")]
