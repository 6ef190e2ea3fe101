"""The machine of one notebook instance: folders, programs, variables, a loopback address.

Everything but the volume, which it sees as /home/ec2-user/SageMaker, is made anew at each start, as on AWS.
Its name `localhost` is a loopback address of its own, so that each instance has its own port 8443.
"""

import json
import secrets
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from localaws.certificates import make_certificates
from localaws.context import Context, python_environment
from localaws.disks import ADMINISTRATION, ROOT, SYSTEM, Disk, DiskPlan, SystemFiles, make_folder
from localaws.iam.identity import Grant
from localaws.namespaces import Mount
from localaws.processes import Child
from localaws.sagemaker.background import count_instances
from localaws.sagemaker.notebooks.presigned import PORT, Door
from localaws.sagemaker.notebooks.spec import NotebookSpec

HOME = Path("/home/ec2-user")
PYTHON = HOME / "anaconda3"
"""Where an instance sees its Python environment: scripts source `bin/activate` there."""
VOLUME = HOME / "SageMaker"
INSIDE_PORT = 8443
"""Where what runs in the instance reaches its Jupyter server, by TLS and without a token."""
ROOT_PATH = "/sbin:/bin:/usr/sbin:/usr/bin"
"""PATH of lifecycle scripts (API_CreateNotebookInstanceLifecycleConfig)."""
PROGRAMS = ("notebook_init.py", "notebook_server.py", "notebook_cron.py", "notebook_programs.py")
COVERED = (*ADMINISTRATION, Path("/usr/bin"), Path("/bin"))
OURS = {
    "crontab": "notebook_cron.py",
    **dict.fromkeys(("sudo", "systemctl", "initctl", "service"), "notebook_programs.py"),
}
"""Programs in place of this machine's, and what they are."""
LENT = ("python", "python3", "pip", "pip3", "aws")
"""Programs of our environment that AWS's instances have in /usr/bin; this machine's own come first."""
TOOLS = ("jupyter*", "ipython*")
ACTIVATE = """# conda's activate, as far as lifecycle scripts need it: each environment is the same one
case "${1:-base}" in
  base|python3|JupyterSystemEnv|pytorch_p3*) export CONDA_DEFAULT_ENV="${1:-base}" ;;
  *) echo "EnvironmentNameNotFound: Could not find conda environment: $1" >&2; return 1 ;;
esac
export CONDA_PREFIX=/home/ec2-user/anaconda3
case ":$PATH:" in *":$CONDA_PREFIX/bin:"*) ;; *) export PATH="$CONDA_PREFIX/bin:$PATH" ;; esac
"""
DEACTIVATE = 'export PATH="${PATH#/home/ec2-user/anaconda3/bin:}"; unset CONDA_DEFAULT_ENV CONDA_PREFIX\n'
ACCOUNT = "ec2-user:x:0:0:EC2 Default User:/home/ec2-user:/bin/bash\n"
"""Everything in an instance is done by one user, whom a user namespace may be about."""
KERNEL = {
    "argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "conda_python3",
    "language": "python",
}
"""The kernel that notebooks made on AWS name."""
TABLE = "# root's crontab\n"
"""There is one from the start: AWS's sample goes on with `set -e` after `crontab -l`."""
FOREIGN_VARIABLES = ("HOME", "TMPDIR", "PATH")
STOP_GRACE_S = 5.0
"""Real seconds that an instance has to end."""
LIMIT_S = 300
"""AWS seconds that a lifecycle script may run."""
ATTEMPTS = 50
"""Addresses that are tried."""


class Notebook:
    """`start` it once, `stop` it once; its volume stays."""

    def __init__(self, *, spec: NotebookSpec, folder: Path, context: Context) -> None:
        self._spec = spec
        self._context = context
        self._volume = folder / "volume"
        plan = DiskPlan(folder=folder / "machine", python=PYTHON, covered=COVERED, has_terminals=True)
        self._disk = Disk(plan=plan, context=context)
        self._child: Child | None = None
        self._grant: Grant | None = None
        self.door: Door | None = None
        """Where it is entered while it is on."""

    @property
    def pid(self) -> int:
        """Its first program, as this machine sees it; 0 while it is off."""
        child = self._child
        return 0 if child is None else child.pid

    def start(self, *, on_line: Callable[[str], None]) -> None:
        """Switch it on; raises OSError or ChildStartError where that fails."""
        door = Door(address=free_address())
        self._disk.remove()
        self._volume.mkdir(parents=True, exist_ok=True)
        self._disk.prepare(SystemFiles(programs=PROGRAMS, scripts=own_programs(), boot=self._boot(door)))
        self._furnish(door)
        identity = self._context.identity
        self._grant = identity.grant(role_arn=self._spec.role_arn, session_name="SageMaker")
        self._child = self._context.supervisor.start(
            name=f"notebook-{self._spec.name}",
            argv=[str(PYTHON / "bin" / "python"), "-I", "-S", str(SYSTEM / "notebook_init.py")],
            env=self._environment(self._grant),
            cwd=ROOT,
            on_line=on_line,
            view=self._disk.view(mounted=[Mount(source=self._volume, target=self._seen(VOLUME))]),
        )
        self.door = door

    def _seen(self, path: Path) -> Path:
        """Return where on this machine a path of the instance's own lies."""
        return self._disk.root / path.relative_to(ROOT)

    def _boot(self, door: Door) -> dict[str, Any]:
        clock = self._context.clock
        return {
            "scripts": [{"hook": script.hook, "content": script.content} for script in self._spec.scripts],
            "limit_s": clock.real_seconds(LIMIT_S),
            "minute_s": clock.real_seconds(60),
            "now_s": clock.now().timestamp(),
            "address": door.address,
            "port": INSIDE_PORT,
            "door_port": PORT,
            "key": door.key,
        }

    def _furnish(self, door: Door) -> None:
        """Write what AWS's instances have."""
        home, etc = self._seen(HOME), self._seen(Path("/etc"))
        self._seen(VOLUME).mkdir(parents=True)
        write(self._seen(Path("/opt/ml/metadata/resource-metadata.json")), self._metadata())
        write(self._seen(PYTHON / "bin" / "activate"), ACTIVATE)
        write(self._seen(PYTHON / "bin" / "deactivate"), DEACTIVATE)
        link_tools(self._seen(PYTHON / "bin"))
        write(home / ".local/share/jupyter/kernels/conda_python3/kernel.json", json.dumps(KERNEL))
        write(etc / "hosts", hosts_text(read(etc / "hosts"), address=door.address))
        write(etc / "passwd", read(etc / "passwd") + ACCOUNT)
        make_folder(self._seen(Path("/var/spool/cron")), mode=0o700)
        write(self._seen(Path("/var/spool/cron/root")), TABLE)
        files = make_certificates(etc / "localaws", names=[door.address])
        shutil.copy(files.server, self._seen(Path("/root/jupyter.pem")))

    def _metadata(self) -> str:
        return json.dumps({"ResourceArn": self._spec.arn, "ResourceName": self._spec.name})

    def _environment(self, grant: Grant) -> dict[str, str]:
        variables = self._context.child_environment(region=self._spec.region)
        for name in FOREIGN_VARIABLES:
            variables.pop(name, None)
        own = {
            "AWS_ENDPOINT_URL": from_inside(self._context.endpoint_url),
            "PATH": ROOT_PATH,
            "HOME": "/root",
            "TZ": "UTC",
            "JUPYTER_CONFIG_PATH": str(Path(sys.prefix, "etc", "jupyter")),
            "JUPYTER_PATH": str(Path(sys.prefix, "share", "jupyter")),
        }
        sharers = 1 + count_instances(self._context.services)
        return python_environment(variables | own | self._context.grant_environment(grant), sharers=sharers)

    def poll(self) -> int | None:
        """Return the exit code of the first program, whose output has been heard; None while it runs."""
        assert self._child is not None
        code = self._child.poll()
        if code is not None:
            self._child.join_output()
        return code

    def stop(self) -> None:
        """Switch it off: nothing of it runs afterwards, and only the volume is left."""
        self.door = None
        if self._child is not None:
            self._context.supervisor.stop(self._child, grace_s=STOP_GRACE_S)
            self._child = None
        if self._grant is not None:
            self._context.identity.revoke(self._grant)
            self._grant = None
        self._disk.remove()


def own_programs() -> dict[str, str]:
    """Return the programs that an instance has besides this machine's, by name."""
    python = PYTHON / "bin" / "python"
    found = {
        name: f'#!/bin/sh\nexec {python} -I -S {SYSTEM}/{program} {name} "$@"\n'
        for name, program in OURS.items()
    }
    for name in LENT:
        own = PYTHON / "bin" / name if name.startswith(("python", "pip")) else Path(sys.prefix, "bin", name)
        if shutil.which(name, path=ROOT_PATH) is None:
            found[name] = f'#!/bin/sh\nexec {own} "$@"\n'
    return found


def link_tools(folder: Path) -> None:
    """Write Jupyter's commands of our environment into an instance's own, whose packages they see."""
    for tool in (path for pattern in TOOLS for path in Path(sys.prefix, "bin").glob(pattern)):
        first, _, rest = tool.read_text(errors="replace").partition("\n")
        if first.startswith("#!") and "python" in first:
            write(folder / tool.name, f"#!{PYTHON}/bin/python\n{rest}")
            (folder / tool.name).chmod(0o755)


def hosts_text(text: str, *, address: str) -> str:
    """Return /etc/hosts in which `localhost` is one address only."""
    lines = []
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        names = [name for name in words[1:] if name not in ("localhost", "localhost.localdomain")]
        if not words or names:
            lines.append(" ".join([words[0], *names]) if words else line)
    return "\n".join([f"{address} localhost localhost.localdomain", *lines, ""])


def from_inside(url: str) -> str:
    """Return a URL of localaws as an instance reaches it, for which `localhost` is another address."""
    parts = urlsplit(url)
    if parts.hostname != "localhost":
        return url
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"127.0.0.1{port}"))


def free_address() -> str:
    """Return a loopback address of which the ports of an instance are free now."""
    for _ in range(ATTEMPTS):
        numbers = (64 + secrets.randbelow(128), secrets.randbelow(256), 1 + secrets.randbelow(254))
        address = f"127.{'.'.join(map(str, numbers))}"
        if all(is_free(address, port) for port in (INSIDE_PORT, PORT)):
            return address
    raise OSError(f"no loopback address with the ports {INSIDE_PORT} and {PORT} free was found")


def is_free(address: str, port: int) -> bool:
    """Tell whether a port can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def read(path: Path) -> str:
    """Return a file's text; empty where there is none."""
    return path.read_text(errors="replace") if path.exists() else ""


def write(path: Path, text: str) -> None:
    """Write a file in a folder that is made for it; a link is replaced, not followed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
