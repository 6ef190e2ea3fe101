"""A view of the file system for one child: its own /opt/ml and /etc/hosts, by a Linux mount namespace.

Nothing is left on the machine: the mounts are seen by the child and its children alone, and end with them.
Root needs CAP_SYS_ADMIN for it; everybody else a user namespace, in which the child believes to be root, as
it is in a container on AWS.
"""

import functools
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

OPT_ML = Path("/opt/ml")
HOSTS_FILE = Path("/etc/hosts")
ENTER = '"$1" --all --fstab "$2" && cd "$3" && shift 3 && exec "$@"'
"""What the shell does in the new namespace: all mounts by one process, then become the program."""
KEPT_FLAGS = {"nosuid": os.ST_NOSUID, "nodev": os.ST_NODEV, "noexec": os.ST_NOEXEC, "noatime": os.ST_NOATIME}
"""Options that a mount in a user namespace must keep, or the kernel refuses to change any other."""
PROBE_S = 10
"""Real seconds that the attempt to make a namespace may take."""


@dataclass(frozen=True)
class View:
    """What a child sees at /opt/ml and in /etc/hosts."""

    base: Path
    """The folder that it sees as /opt/ml."""
    scratch: Path
    """A folder outside of `base` for what the namespace is made of."""
    names: Sequence[str] = ()
    """Host names that lead to this machine."""


@dataclass(frozen=True)
class Support:
    """Whether children can have namespaces here: by these programs, or not, for this reason."""

    unshare: tuple[str, ...] = ()
    mount: str = ""
    refusal: str = ""


@dataclass(frozen=True)
class Mount:
    """One bind mount."""

    source: Path
    target: Path
    options: str = "rbind"

    def as_line(self) -> str:
        """Return it as fstab(5) has it."""
        return f"{_escape(self.source)} {_escape(self.target)} none {self.options} 0 0\n"


def _escape(path: Path) -> str:
    text = str(path)
    for character in "\\ \t\n#":
        text = text.replace(character, f"\\{ord(character):03o}")
    return text


def enter(argv: Sequence[str], *, view: View, support: Support, folder: Path = OPT_ML) -> list[str]:
    """Return the command line that runs `argv` in a namespace of its own, starting in `folder`."""
    view.scratch.mkdir(parents=True, exist_ok=True)
    hosts = view.scratch / "hosts"
    hosts.write_text(hosts_text(HOSTS_FILE.read_text(errors="replace"), names=view.names))
    mounts = [*mount_opt_ml(view), Mount(hosts, HOSTS_FILE, "bind"), *protect_environment()]
    table = view.scratch / "fstab"
    table.write_text("".join(mount.as_line() for mount in mounts))
    shell = ["/bin/sh", "-c", ENTER, "sh", support.mount, str(table), str(folder)]
    return [*support.unshare, *shell, *argv]


def mount_opt_ml(view: View, *, target: Path = OPT_ML) -> list[Mount]:
    """Return the mounts that make `view.base` appear as `target`.

    A target that does not exist cannot be made without leaving it behind. Its parent is covered then by a
    folder in `view.scratch` that holds the same, each entry mounted, and the target beside them.
    """
    if target.is_dir():
        return [Mount(view.base, target)]
    stage = view.scratch / "parent"
    stage.mkdir()
    mounts = []
    for entry in target.parent.iterdir():
        copy = stage / entry.name
        if entry.is_symlink():
            copy.symlink_to(entry.readlink())
            continue
        if entry.is_dir():
            copy.mkdir()
        else:
            copy.touch()
        mounts.append(Mount(entry, copy))
    (stage / target.name).mkdir()
    return [*mounts, Mount(view.base, stage / target.name), Mount(stage, target.parent)]


def protect_environment() -> list[Mount]:
    """Return the mount that makes our virtual environment, which all jobs share, read-only (for pip)."""
    if sys.prefix == sys.base_prefix:
        return []
    flags = os.statvfs(sys.prefix).f_flag
    kept = [name for name, flag in KEPT_FLAGS.items() if flags & flag]
    return [Mount(Path(sys.prefix), Path(sys.prefix), ",".join(["bind", "ro", *kept]))]


def hosts_text(text: str, *, names: Sequence[str]) -> str:
    """Return /etc/hosts with more names for 127.0.0.1; they come last, so that its own stay first."""
    return f"{text.rstrip()}\n127.0.0.1 {' '.join(names)}\n" if names else text


@functools.cache
def find_support() -> Support:
    """Try, once, how a namespace can be made here (some 30 ms)."""
    unshare, mount = shutil.which("unshare"), shutil.which("mount")
    if unshare is None or mount is None:
        return Support(refusal="the programs unshare and mount (util-linux) are not installed")
    user = (unshare, "--user", "--map-root-user", "--mount")
    forms = [user] if os.geteuid() else [(unshare, "--mount"), user]
    reason = None
    for form in forms:
        support = Support(unshare=form, mount=mount)
        reason = _try(support)
        if reason is None:
            return support
        logger.info("no mount namespace by %s: %s", " ".join(form), reason)
    return Support(refusal=reason or "")


def _try(support: Support) -> str | None:
    """Return why a namespace of this kind cannot be had, or None."""
    with tempfile.TemporaryDirectory(prefix="localaws-") as name:
        base = Path(name, "ml")
        base.mkdir()
        (base / "mark").touch()
        view = View(base=base, scratch=Path(name, "scratch"), names=("algo-1",))
        try:
            done = subprocess.run(
                enter(["test", "-e", str(OPT_ML / "mark")], view=view, support=support),
                capture_output=True,
                text=True,
                timeout=PROBE_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    if done.returncode == 0:
        return None
    return done.stderr.strip() or f"exit code {done.returncode}"
