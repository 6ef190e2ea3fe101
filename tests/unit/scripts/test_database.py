"""Airflow's database is migrated once for each lock, and copied from then on."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scripts import database
from scripts.database import copy_database, prepare_database, schema_version

NOBODY: Any = None
"""No process is started here."""


@pytest.fixture
def migrations(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return the homes that were migrated, each by a database with one table."""
    done: list[Path] = []

    def migrate(supervisor: Any, *, home: Path, on_line: Any) -> None:
        done.append(home)
        with closing(sqlite3.connect(home / "airflow.db")) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS dag (dag_id TEXT)")

    monkeypatch.setattr(database, "migrate", migrate)
    return done


def prepare(home: Path, cache: Path) -> list[str]:
    """Prepare a home's database; return its tables."""
    prepare_database(NOBODY, home=home, on_line=print, cache=cache)
    with closing(sqlite3.connect(home / "airflow.db")) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]


def test_the_second_home_gets_a_copy(tmp_path: Path, migrations: list[Path]) -> None:
    assert prepare(tmp_path / "a", tmp_path / "cache") == ["dag"]
    assert prepare(tmp_path / "b", tmp_path / "cache") == ["dag"]
    assert migrations == [tmp_path / "a"]


def test_commits_are_appended_to_a_log(tmp_path: Path, migrations: list[Path]) -> None:
    for home in (tmp_path / "migrated", tmp_path / "copied"):
        prepare(home, tmp_path / "cache")
        with closing(sqlite3.connect(home / "airflow.db")) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert migrations == [tmp_path / "migrated"]


def test_a_home_that_is_up_to_date_is_left_as_it_is(tmp_path: Path, migrations: list[Path]) -> None:
    prepare(tmp_path / "a", tmp_path / "cache")
    prepare(tmp_path / "a", tmp_path / "none")
    assert len(migrations) == 1


def test_another_lock_migrates_what_is_there(
    tmp_path: Path, migrations: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(tmp_path / "a", tmp_path / "cache")
    monkeypatch.setattr(database, "schema_version", lambda: "another")
    prepare(tmp_path / "a", tmp_path / "cache")
    assert migrations == [tmp_path / "a"] * 2
    prepare(tmp_path / "b", tmp_path / "cache")
    assert len(migrations) == 3


def test_a_copy_is_whole_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_bytes(b"no database at all")
    with pytest.raises(sqlite3.DatabaseError):
        copy_database(tmp_path / "broken.db", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_the_version_is_16_hex_digits() -> None:
    assert len(schema_version()) == 16
    int(schema_version(), 16)
