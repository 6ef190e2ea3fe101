"""PostgreSQL and Redis for the test of production: found where Debian puts them, named where missing."""

import io
import os
import re
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest

from scripts import production_stores
from scripts.production_stores import (
    StoreError,
    as_owner,
    find_program,
    install_missing,
    takes_connections,
)


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without either store; Debian's folder for PostgreSQL is the one returned."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(production_stores, "DEBIAN_POSTGRES", tmp_path / "postgresql")
    return tmp_path / "postgresql"


def make_program(path: Path) -> Path:
    """Put an executable file somewhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_newest_postgres_is_found_off_the_path(bare_machine: Path) -> None:
    make_program(bare_machine / "15/bin/initdb")
    newest = make_program(bare_machine / "16/bin/initdb")
    assert find_program("initdb") == str(newest)


@pytest.mark.parametrize(("name", "package"), [("initdb", "postgresql"), ("redis-server", "redis-server")])
def test_a_missing_program_is_named_with_its_package(bare_machine: Path, name: str, package: str) -> None:
    with pytest.raises(StoreError, match=rf"^{name} is missing: install it with 'apt-get install {package}'"):
        find_program(name)


@pytest.mark.usefixtures("bare_machine")
def test_who_may_not_install_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(StoreError, match=re.escape("'apt-get install postgresql redis-server'")):
        install_missing()


def test_nothing_is_installed_where_nothing_is_missing(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[object] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(production_stores.subprocess, "run", lambda words, **_: ran.append(words))
    make_program(Path(os.environ["PATH"]) / "apt-get")
    for name in ("initdb", "postgres"):
        make_program(bare_machine / "16/bin" / name)
    make_program(Path(os.environ["PATH"]) / "redis-server")
    install_missing()
    assert ran == []


def test_root_gives_itself_up_before_it_starts_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert as_owner(["postgres"])[0] == "setpriv"
    assert as_owner(["postgres"])[-1] == "postgres"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert as_owner(["postgres"]) == ["postgres"]


def refusing(times: int) -> Callable[..., io.BytesIO]:
    """Return a psycopg2.connect that is refused so often, as by a server that listens and still starts."""
    left = iter(range(times))

    def connect(**wanted: object) -> io.BytesIO:
        if next(left, None) is not None:
            raise psycopg2.OperationalError("FATAL:  the database system is starting up")
        assert wanted["dbname"] == "postgres"
        return io.BytesIO()  # something that can be closed

    return connect


def test_postgres_is_ready_once_it_takes_connections_not_once_it_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(production_stores.psycopg2, "connect", refusing(2))
    answers = [takes_connections(port=1, password="p") for _ in range(3)]
    assert answers == [False, False, True]


class EndedChild:
    """A store that ended at once."""

    name = "postgres"
    tail = ("FATAL:  out of disk",)

    def poll(self) -> int:
        return 1


def test_a_store_that_ends_before_it_is_ready_is_told_with_its_last_line() -> None:
    with pytest.raises(StoreError, match=r"^postgres was not ready within 30 s: FATAL:  out of disk$"):
        production_stores._wait(EndedChild(), lambda: False)  # type: ignore[arg-type]  # has what is used
