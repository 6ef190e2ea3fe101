"""Airflow's SQLite database: migrated once for each lock, then copied."""

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from localaws.processes import Supervisor
from scripts.local_stack import ROOT, StackError, airflow_environment, describe_end, start_airflow

CACHE = ROOT / "var" / "cache"
MIGRATE_S = 300.0


def schema_version() -> str:
    """Return 16 hex digits that change with the lock and with the Airflow that is installed."""
    found = (ROOT / "requirements.txt").read_bytes() + version("apache-airflow-core").encode()
    return hashlib.sha256(found).hexdigest()[:16]


def prepare_database(
    supervisor: Supervisor, *, home: Path, on_line: Callable[[str], None], cache: Path = CACHE
) -> None:
    """Put a migrated database into `home`, or bring the one that is there up to this Airflow.

    Migrating takes ten seconds, so that a new database is kept in `cache` for the next time.
    """
    home.mkdir(parents=True, exist_ok=True)
    database, marker, wanted = home / "airflow.db", home / "schema_version", schema_version()
    if database.exists() and marker.exists() and marker.read_text() == wanted:
        return
    kept = cache / f"airflow-{wanted}.db"
    if not database.exists() and kept.exists():
        copy_database(kept, database)
    else:
        is_new = not database.exists()
        migrate(supervisor, home=home, on_line=on_line)
        if is_new:
            copy_database(database, kept)
    write_ahead(database)
    marker.write_text(wanted)


def write_ahead(database: Path) -> None:
    """Let commits be appended to a log, for good: https://www.sqlite.org/wal.html.

    Readers and a writer do not wait for each other then, and a commit takes 4 ms in place of 14.
    """
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite database; `target` is there as a whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with closing(sqlite3.connect(source)) as found, closing(sqlite3.connect(partial)) as copy:
        found.backup(copy)
    partial.replace(target)


def migrate(supervisor: Supervisor, *, home: Path, on_line: Callable[[str], None]) -> None:
    """Run `airflow db migrate`; raises StackError with the last log line."""
    child = start_airflow(
        supervisor,
        "db",
        "migrate",
        name="airflow db migrate",
        environment=airflow_environment(home),
        on_line=on_line,
    )
    code = child.wait(timeout_s=MIGRATE_S)
    supervisor.reap(child)
    if code is None:
        raise StackError(f"airflow db migrate took more than {MIGRATE_S:.0f} s")
    if code != 0:
        raise StackError(f"airflow db migrate {describe_end(child)}")
