"""A view of the file system for one child: its own /opt/ml and /etc/hosts, by a Linux mount namespace.

Nothing is left on the machine: the mounts are seen by the child and its children alone, and end with them.
They are made by `children/keeper.py`. Root needs CAP_SYS_ADMIN for it; everybody else gets a user namespace.
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OPT_ML = Path("/opt/ml")
HOSTS_FILE = Path("/etc/hosts")
PROCESSES = 4096
"""Processes and threads of a child, where AWS has no number: enough for a job that uses many cores, and a
small part of what a machine can number (32,768 or more)."""
KEPT_FLAGS = {"nosuid": os.ST_NOSUID, "nodev": os.ST_NODEV, "noexec": os.ST_NOEXEC, "noatime": os.ST_NOATIME}
"""Options that a mount in a user namespace must keep, or the kernel refuses to change any other."""


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A folder or file of the machine, and where the child sees it."""

    source: Path
    target: Path
    flags: tuple[str, ...] = ()
    """Options of mount(8), such as `ro`."""
    is_target_made: bool = False
    """Whether the target is made first, in a folder that another mount has brought."""

    def as_request(self) -> dict[str, Any]:
        """Return it as the keeper takes it."""
        source, target = str(self.source), str(self.target)
        return {"source": source, "target": target, "flags": self.flags, "make": self.is_target_made}


@dataclass(frozen=True, kw_only=True)
class Memory:
    """An empty folder in memory, which everybody may write to."""

    target: Path
    size_mb: int
    """MiB that it may hold."""

    def as_request(self) -> dict[str, Any]:
        """Return it as the keeper takes it."""
        return {"target": str(self.target), "size": self.size_mb << 20}


@dataclass(frozen=True, kw_only=True)
class Terminals:
    """A folder of terminals (devpts) of the child's own: none of this machine's is seen in it."""

    target: Path

    def as_request(self) -> dict[str, Any]:
        """Return it as the keeper takes it."""
        return {"target": str(self.target), "terminals": True}


@dataclass(frozen=True, kw_only=True)
class View:
    """What a child sees in other places than the rest of the machine."""

    mounts: Sequence[Mount | Memory | Terminals] = ()
    """Made in this order."""
    is_root: bool = False
    """Whether the child believes to be root where it runs in a user namespace."""
    is_container: bool = True
    """Whether it has the rights of a container, and no more: a root that cannot set the clock, or unmount."""
    processes: int = PROCESSES
    """How many processes and threads it may have at a time, all that it starts included."""

    def as_request(self) -> dict[str, Any]:
        """Return it as the keeper takes it."""
        request = {"is_root": self.is_root, "is_container": self.is_container, "processes": self.processes}
        return request | {"mounts": [mount.as_request() for mount in self.mounts]}


def host_view(base: Path, *, scratch: Path, names: Sequence[str] = (), fixed: Sequence[str] = ()) -> View:
    """Return the view of a training host, which is root as in AWS's containers.

    It sees the folder `base` as /opt/ml, of which it cannot change the folders `fixed`, and `names` lead to
    this machine. `scratch` is a folder outside of `base` for what the view is made of.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    hosts = scratch / "hosts"
    hosts.write_text(hosts_text(HOSTS_FILE.read_text(errors="replace"), names=names))
    own = Mount(source=hosts, target=HOSTS_FILE)
    ml = mount_below(OPT_ML.parent, {OPT_ML.name: base}, scratch=scratch, is_writable=True)
    kept = [read_only(source=base / name, target=OPT_ML / name) for name in fixed]
    return View(mounts=[*ml, *kept, own, *protect_environment()], is_root=True)


def mount_below(
    parent: Path, sources: Mapping[str, Path], *, scratch: Path, is_writable: bool = False
) -> list[Mount]:
    """Return the mounts that make the folders `sources` appear, by name, in the folder `parent`.

    A target that does not exist cannot be made without leaving it behind. Its parent is covered then by a
    folder in `scratch` that holds the same, each entry mounted, and the targets beside them.
    """
    show: Callable[..., Mount] = Mount if is_writable else read_only
    if all((parent / name).is_dir() for name in sources):
        return [show(source=source, target=parent / name) for name, source in sources.items()]
    stage = scratch / "parent"
    stage.mkdir()
    mounts = []
    for entry in parent.iterdir():
        copy = stage / entry.name
        if entry.name in sources:
            continue
        if entry.is_symlink():
            copy.symlink_to(entry.readlink())
            continue
        if entry.is_dir():
            copy.mkdir()
        else:
            copy.touch()
        mounts.append(Mount(source=entry, target=copy))
    for name, source in sources.items():
        (stage / name).mkdir()
        mounts.append(show(source=source, target=stage / name))
    return [*mounts, Mount(source=stage, target=parent)]


def hide(folder: Path, *, kept: Iterable[Path | None], stage: Path) -> list[Mount | Memory]:
    """Return the mounts behind which nothing of a folder is left but the paths `kept`, where they lie in it.

    `stage` is a folder that is made for it. They come last: what they hide may be the source of others.
    """
    stage.mkdir(parents=True)
    inside = [path for path in kept if path is not None and path.is_relative_to(folder)]
    shown = [
        Mount(source=path, target=stage / path.relative_to(folder), is_target_made=True) for path in inside
    ]
    return [Memory(target=stage, size_mb=1), *shown, Mount(source=stage, target=folder)]


def read_only(*, source: Path, target: Path) -> Mount:
    """Return the mount that shows a folder without letting it be changed."""
    flags = os.statvfs(source).f_flag
    kept = [name for name, flag in KEPT_FLAGS.items() if flags & flag]
    return Mount(source=source, target=target, flags=("ro", *kept))


def protect_environment() -> list[Mount]:
    """Return the mount that makes our virtual environment, which all jobs share, read-only (for pip)."""
    if sys.prefix == sys.base_prefix:
        return []
    return [read_only(source=Path(sys.prefix), target=Path(sys.prefix))]


def hosts_text(text: str, *, names: Sequence[str]) -> str:
    """Return /etc/hosts with more names for 127.0.0.1; they come last, so that its own stay first."""
    return f"{text.rstrip()}\n127.0.0.1 {' '.join(names)}\n" if names else text
