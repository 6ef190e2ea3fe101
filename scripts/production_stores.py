"""PostgreSQL and Redis as Debian packages them, on loopback, for as long as a test of production takes."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from localaws.processes import Child, Supervisor

PACKAGES = {"initdb": "postgresql", "postgres": "postgresql", "redis-server": "redis-server"}
"""Which Debian package has a program."""
DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
"""Debian keeps the server's programs below this folder, by version and off PATH."""
OWNER = "nobody"
"""Who runs the stores where root would: postgres refuses to run as root. Each Unix has this user."""
READY_S = 30.0
INSTALL_S = 300.0
POSTGRES_USER = "airflow"
"""As in docker-compose.yaml; the database has the same name."""

LineHandler = Callable[[str], None]


class StoreError(RuntimeError):
    """A store is missing or did not start; the message is one line."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """A running store: its process and its port on 127.0.0.1."""

    child: Child
    port: int


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def find_program(name: str) -> str:
    """Return the path of a store's program; raise StoreError with the package to install."""
    found = shutil.which(name) or next(
        (str(path) for path in sorted(DEBIAN_POSTGRES.glob(f"*/bin/{name}"), reverse=True)), None
    )
    if found is None:
        raise StoreError(f"{name} is missing: install it with 'apt-get install {PACKAGES[name]}'.")
    return found


def install_missing() -> None:
    """Install, as root, the stores' packages that this machine lacks; raise StoreError where it cannot."""
    missing = set()
    for name, package in PACKAGES.items():
        try:
            find_program(name)
        except StoreError:
            missing.add(package)
    if not missing:
        return
    command = f"apt-get install {' '.join(sorted(missing))}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise StoreError(
            f"PostgreSQL or Redis is missing: install them with '{command}', then run this again."
        )
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "--yes", "--no-install-recommends", *sorted(missing)]):
        done = subprocess.run(
            ["apt-get", "--quiet", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=False,
        )
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
        raise StoreError(f"'{command}' ended with {done.returncode}: {last[0]}")


def start_postgres(supervisor: Supervisor, *, folder: Path, password: str, on_line: LineHandler) -> Store:
    """Make a cluster in `folder` with compose's user and database, and start it."""
    data, secret, port = folder / "data", folder / "password", free_port()
    secret.write_text(password)
    _hand_over(folder)
    environment = _plain_environment(folder)
    who = ["--username", POSTGRES_USER, "--pwfile", str(secret), "--auth", "scram-sha-256"]
    how = ["--encoding", "UTF8", "--locale", "C", "--no-sync"]
    _run_once([find_program("initdb"), "--pgdata", str(data), *who, *how], env=environment)
    options = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
        "max_connections": 200,
    }
    argv = [find_program("postgres"), "-D", str(data)]
    argv += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    child = supervisor.start(
        name="postgres", argv=as_owner(argv), env=environment, cwd=folder, on_line=on_line
    )
    _wait(child, lambda: takes_connections(port=port, password=password))
    return Store(child=child, port=port)


def start_redis(supervisor: Supervisor, *, folder: Path, password: str, on_line: LineHandler) -> Store:
    """Start Redis without persistence."""
    port = free_port()
    _hand_over(folder)
    argv = [find_program("redis-server"), "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    argv += ["--dir", str(folder), "--requirepass", password]
    child = supervisor.start(
        name="redis", argv=as_owner(argv), env=_plain_environment(folder), cwd=folder, on_line=on_line
    )
    _wait(child, lambda: _listens(port))
    return Store(child=child, port=port)


def as_owner(argv: Sequence[str]) -> list[str]:
    """Return the command as it is, or as root one that becomes the stores' owner first."""
    if os.geteuid() != 0:
        return list(argv)
    owner = pwd.getpwnam(OWNER)
    return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", *argv]


def create_database(*, port: int, password: str) -> None:
    """Create the database `airflow`, as the image's entry point does for POSTGRES_DB."""
    with contextlib.closing(connect(port=port, password=password)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {POSTGRES_USER}")


def connect(*, port: int, password: str) -> Any:
    """Return a connection to the server's own database; raises psycopg2.OperationalError while it starts."""
    return psycopg2.connect(
        host="127.0.0.1", port=port, user=POSTGRES_USER, password=password, dbname="postgres"
    )


def takes_connections(*, port: int, password: str) -> bool:
    """Return whether PostgreSQL is up: it listens some time before it lets anyone in."""
    try:
        connect(port=port, password=password).close()
    except psycopg2.OperationalError:
        return False
    return True


def _hand_over(folder: Path) -> None:
    """Give a folder and what lies in it to the stores' owner."""
    if os.geteuid() == 0:
        owner = pwd.getpwnam(OWNER)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid)


def _plain_environment(folder: Path) -> Mapping[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LC_ALL": "C"}


def _run_once(argv: list[str], *, env: Mapping[str, str]) -> None:
    done = subprocess.run(
        as_owner(argv), env=dict(env), cwd="/", capture_output=True, text=True, timeout=READY_S, check=False
    )
    if done.returncode != 0:
        raise StoreError(f"{Path(argv[0]).name} ended with {done.returncode}: {done.stderr.strip()}")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait(child: Child, is_ready: Callable[[], bool]) -> None:
    """Wait until a store is ready; raise StoreError where it ends, or takes too long."""
    deadline = time.monotonic() + READY_S
    while not is_ready():
        if child.poll() is not None or time.monotonic() > deadline:
            last = child.tail[-1] if child.tail else "no output"
            raise StoreError(f"{child.name} was not ready within {READY_S:.0f} s: {last}")
        time.sleep(0.1)
