"""What a machine of its own sees of this one: an EC2 instance, or a notebook instance.

It sees this machine's folders read-only, and has /etc, /home, /opt, /root, /tmp and /var of its own, which
lie in a folder of ours. /run is in memory. Beside the programs of this machine it may have some of its own.
"""

import json
import os
import shutil
import site
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localaws.context import Context
from localaws.functions.packages import remove_tree
from localaws.namespaces import Memory, Mount, Terminals, View, hide, read_only
from localaws.overlays import Overlay
from localaws.processes import PROGRAMS

ROOT = Path("/")
OWN = ("etc", "home", "opt", "root", "tmp", "var")
"""Folders of the root that a machine has for itself."""
SYSTEM = Path("/run/localaws")
"""Where a machine sees what localaws gave it."""
ADMINISTRATION = (Path("/usr/sbin"), Path("/sbin"))
"""Folders of programs for administrators, which scripts call by their path."""
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "nvidia*")
"""What a machine has of this one's devices: no disks, no terminals."""
DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
MEMORY_MB = 64
"""MiB of /run and of /dev/shm."""
SYSTEM_PATHS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


@dataclass(frozen=True, kw_only=True)
class DiskPlan:
    """How one machine's disk is laid out."""

    folder: Path
    """Where all of it lies."""
    python: Path
    """Where the machine sees its Python environment, in one of the folders OWN."""
    covered: Sequence[Path] = ADMINISTRATION
    """Folders of programs in which those of its own lie, too."""
    has_terminals: bool = False
    """Whether terminals can be opened in it."""


@dataclass(frozen=True, kw_only=True)
class SystemFiles:
    """What localaws gives a machine, at SYSTEM."""

    programs: Collection[str]
    """Files of `localaws/children`."""
    scripts: Mapping[str, str]
    """Its own programs: name -> text."""
    boot: Mapping[str, Any]
    """What its first program is to do (`boot.json`)."""


class Disk:
    """`prepare` it before each start, and `remove` it in the end."""

    def __init__(self, *, plan: DiskPlan, context: Context) -> None:
        self._plan = plan
        self._context = context
        self._folder = plan.folder
        self.root = plan.folder / "disk"
        """The folder of its own folders."""
        self._system = plan.folder / "system"

    def prepare(self, files: SystemFiles) -> None:
        """Make it where it is new, empty /tmp, and write what localaws gives."""
        kept = list(self._kept())
        if not self.root.exists():
            make_disk(self.root, kept, python=self._plan.python)
        remove_tree(self.root / "tmp")
        make_folder(self.root / "tmp", mode=0o1777)
        make_targets(self.root, [path for path in kept if path.parts[1] == "tmp"])
        write_system(self._system, files, covered=self._covered())

    def view(self, *, mounted: Sequence[Mount] = ()) -> View:
        """Return what the machine sees; `mounted` come first, on folders of the disk."""
        data, disk = self._context.data_dir, self.root
        own = [ROOT / name for name in OWN if (ROOT / name).is_dir()]
        own.sort(key=data.is_relative_to)  # what covers the sources of the others comes last
        mounts: list[Mount | Memory | Terminals] = [
            read_only(source=path, target=disk / path.relative_to(ROOT)) for path in self._kept()
        ]
        mounts += mounted
        mounts += self._run_folder()
        mounts += self._devices()
        mounts += [Mount(source=disk / folder.name, target=folder) for folder in own]
        mounts += self._hide_data()
        covered = [*own, ROOT / "run", ROOT / "dev", *self._plan.covered, data]
        mounts += [
            read_only(source=point, target=point)
            for point in mount_points()
            if not any(point.is_relative_to(folder) for folder in covered) and os.access(point, os.F_OK)
        ]
        return View(mounts=mounts, is_root=True)

    def remove(self) -> None:
        """Remove all of it."""
        remove_tree(self._folder)

    def _covered(self) -> list[Path]:
        return find_folders(self._plan.covered)

    def _kept(self) -> Iterator[Path]:
        """Give what of this machine's own folders it needs: Python, our packages, authorities."""
        wanted = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parents[1]}
        wanted |= {Path(folder) for folder in site.getsitepackages()}
        if self._context.ca_bundle is not None:
            wanted.add(self._context.ca_bundle)
        for path in sorted(wanted):
            is_inside = any(path != other and path.is_relative_to(other) for other in wanted)
            if path.parts[1] in OWN and path.exists() and not is_inside:
                yield path

    def _hide_data(self) -> list[Mount | Memory]:
        """Return what hides the data of localaws, where no folder of the machine's own does."""
        data, stage = self._context.data_dir, self._folder / "data"
        if data.parts[1] in OWN:
            return []
        shutil.rmtree(stage, ignore_errors=True)
        return hide(data, kept=[self._context.ca_bundle], stage=stage)

    def _devices(self) -> list[Mount | Memory | Terminals]:
        """Return the mounts of /dev: root could write to the disks in this machine's."""
        stage = self._folder / "dev"
        shutil.rmtree(stage, ignore_errors=True)
        make_folder(stage / "shm", mode=0o1777)
        for name, goal in DEVICE_LINKS.items():
            (stage / name).symlink_to(goal)
        mounts: list[Mount | Memory | Terminals] = []
        for device in (path for pattern in DEVICES for path in (ROOT / "dev").glob(pattern)):
            if not device.is_dir():
                (stage / device.name).touch()
                mounts.append(Mount(source=device, target=stage / device.name))
        if self._plan.has_terminals:
            (stage / "pts").mkdir()
            (stage / "ptmx").symlink_to("pts/ptmx")
        mounts.append(Mount(source=stage, target=ROOT / "dev"))
        if self._plan.has_terminals:
            mounts.append(Terminals(target=ROOT / "dev" / "pts"))
        return [*mounts, Memory(target=ROOT / "dev" / "shm", size_mb=MEMORY_MB)]

    def _run_folder(self) -> list[Mount | Memory]:
        """Return the mounts of /run, in which `system` lies, and of the machine's own programs."""
        runs = self._folder / "run"
        make_folder(runs, mode=0o755)
        mounts: list[Mount | Memory] = [
            Memory(target=runs, size_mb=MEMORY_MB),
            make_target(read_only(source=self._system, target=runs / SYSTEM.name)),
        ]
        covered = self._covered()
        mounts += [
            make_target(read_only(source=folder, target=runs / shown_name(folder))) for folder in covered
        ]
        mounts.append(Mount(source=runs, target=ROOT / "run"))
        links = {folder: self._system / folder.relative_to(ROOT) for folder in covered}
        return [*mounts, *(read_only(source=links[folder], target=folder) for folder in covered)]


def make_disk(disk: Path, kept: list[Path], *, python: Path) -> None:
    """Make the disk of a new machine, with what `kept` is to be mounted on."""
    for name in OWN:
        make_folder(disk / name, mode=0o700 if name == "root" else 0o755)
    copy_readable(Path("/etc"), disk / "etc")
    for name in ("log", "lib", "cache"):
        make_folder(disk / "var" / name, mode=0o755)
    make_folder(disk / "var" / "tmp", mode=0o1777)
    (disk / "var" / "run").symlink_to("/run")
    Overlay(folder=disk / python.relative_to(ROOT)).make()
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
    """Make what `kept` is to be mounted on, in folders that no machine has written to yet."""
    for path in kept:
        target = disk / path.relative_to(ROOT)
        (target if path.is_dir() else target.parent).mkdir(parents=True, exist_ok=True)
        if not path.is_dir():
            target.touch()


def make_target(mount: Mount) -> Mount:
    """Return a mount whose target is made first."""
    return Mount(source=mount.source, target=mount.target, flags=mount.flags, is_target_made=True)


def write_system(folder: Path, files: SystemFiles, *, covered: Sequence[Path]) -> None:
    """Write what a machine starts with: its first program, its own programs, what to do."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    for name in files.programs:
        shutil.copy(PROGRAMS / name, folder / name)
    (folder / "boot.json").write_text(json.dumps(files.boot))
    for name, text in files.scripts.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    for shown in covered:
        link_programs(shown, folder / shown.relative_to(ROOT), own=files.scripts)


def find_folders(folders: Sequence[Path]) -> list[Path]:
    """Return the folders of programs that there are; on most systems some are links to others."""
    return [folder for folder in folders if folder.is_dir() and not folder.is_symlink()]


def shown_name(folder: Path) -> str:
    """Return the name in /run under which a covered folder is seen."""
    return f"{SYSTEM.name}{folder.as_posix().replace('/', '-')}"


def link_programs(source: Path, folder: Path, *, own: Collection[str]) -> None:
    """Fill a folder with links to the programs of `source`, as /run shows it, and to a machine's own."""
    folder.mkdir(parents=True)
    shown = SYSTEM.with_name(shown_name(source))
    for entry in source.iterdir():
        if entry.name not in own:
            goal = os.path.realpath(entry) if entry.is_symlink() else str(shown / entry.name)
            (folder / entry.name).symlink_to(goal)
    for name in own:
        (folder / name).symlink_to(SYSTEM / "bin" / name)


def mount_points() -> list[Path]:
    """Return where something is mounted on this machine, /proc apart, which each namespace has for itself."""
    lines = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    names = (line.split()[4].encode("latin-1", "surrogateescape").decode("unicode_escape") for line in lines)
    paths = dict.fromkeys(Path(name) for name in names)
    return [path for path in paths if not path.is_relative_to("/proc")]
