"""The watch of a source: it fires for what is new, outlives errors, and remembers across triggerers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.triggers.base import BaseEventTrigger

from musher.triggers.new_data import NewDataTrigger
from tests.unit.musher.operators.fakes import FakeClock, refuse

SOURCE = {"bucket": "photos", "key": "new"}


class FakeS3:
    """A bucket whose listing a test changes; it has pages of two keys."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.errors: list[Exception] = []
        self.asked: list[dict[str, Any]] = []

    async def get_async_conn(self) -> "FakeS3":
        return self

    async def __aenter__(self) -> "FakeS3":
        return self

    async def __aexit__(self, *_: object) -> None: ...

    def get_paginator(self, name: str) -> "FakeS3":
        assert name == "list_objects_v2"
        return self

    async def paginate(self, **arguments: Any) -> AsyncIterator[dict[str, Any]]:
        self.asked.append(arguments)
        if self.errors:
            raise self.errors.pop(0)
        keys = sorted(key for key in self.keys if key.startswith(arguments["Prefix"]))
        for start in range(0, len(keys) or 1, 2):
            page = [{"Key": key, "Size": 5, "ETag": key} for key in keys[start : start + 2]]
            yield {"Contents": page} if page else {}


class FakeStore:
    """The asset's state store, as a trigger sees it."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    async def aget(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    async def aset(self, key: str, value: Any) -> None:
        self.values[key] = value


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    fake = FakeS3()
    monkeypatch.setattr("airflow.providers.amazon.aws.hooks.s3.S3Hook", lambda **_: fake)

    async def found(_: str) -> None: ...

    monkeypatch.setattr(BaseHook, "aget_connection", found)
    return fake


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


def make(store: FakeStore | None, **changes: Any) -> NewDataTrigger:
    trigger = NewDataTrigger(
        **{**SOURCE, "quiet_s": 600.0, "aws_conn_id": "aws", "region_name": "eu-west-1", **changes}
    )
    trigger.asset_state_store = store  # type: ignore[assignment]  # all of it that is called
    return trigger


def watch(
    trigger: NewDataTrigger, clock: FakeClock, *, looks: int, meanwhile: Callable[[int], None] | None = None
) -> list[tuple[int, Any]]:
    """Return the events of so many looks, each with the number of its look, from 1."""

    async def collect() -> list[tuple[int, Any]]:
        found = []
        done = len(clock.slept)

        def after_look() -> None:
            number = len(clock.slept) - done
            if number == looks:
                raise asyncio.CancelledError  # as the triggerer ends a trigger
            if meanwhile:
                meanwhile(number)

        clock.on_sleep = after_look
        try:
            async for event in trigger.run():
                number = len(clock.slept) - done + 1
                found.append((number, event.payload))
        except asyncio.CancelledError:
            return found
        raise AssertionError("the watch has ended by itself")

    return asyncio.run(collect())


def numbers(events: list[tuple[int, Any]]) -> list[int]:
    return [number for number, _ in events]


def test_objects_are_announced_once_when_they_have_come_to_rest(
    s3: FakeS3, store: FakeStore, fake_clock: FakeClock
) -> None:
    def upload(number: int) -> None:
        if number <= 3:
            s3.keys.append(f"new/cats/{number}.png")

    events = watch(make(store), fake_clock, looks=8, meanwhile=upload)
    assert events == [(5, {"source": "s3://photos/new", "objects": 3, "bytes": 15})]
    assert set(fake_clock.slept) == {600.0}
    assert s3.asked[0] == {"Bucket": "photos", "Prefix": "new/"}


def test_the_next_triggerer_knows_what_this_one_has_announced(
    s3: FakeS3, store: FakeStore, fake_clock: FakeClock
) -> None:
    s3.keys = ["new/a"]
    assert numbers(watch(make(store), fake_clock, looks=3)) == [2]
    assert numbers(watch(make(store), fake_clock, looks=5)) == []
    s3.keys.append("new/b")
    assert numbers(watch(make(store), fake_clock, looks=3)) == [2]


def test_a_triggerer_that_ends_right_after_an_event_leaves_it_to_be_announced_again(
    s3: FakeS3, store: FakeStore, fake_clock: FakeClock
) -> None:
    """The event may not have got to the database."""
    s3.keys = ["new/a"]
    assert numbers(watch(make(store), fake_clock, looks=2)) == [2]
    assert numbers(watch(make(store), fake_clock, looks=3)) == [2]


def test_another_source_begins_anew(s3: FakeS3, store: FakeStore, fake_clock: FakeClock) -> None:
    s3.keys = ["new/a", "newer/a"]
    watch(make(store), fake_clock, looks=3)
    assert numbers(watch(make(store, key="newer"), fake_clock, looks=3)) == [2]


@pytest.mark.parametrize("store", [None, object()], ids=["none", "of Airflow 3.3.1"])
def test_without_a_store_it_announces_what_it_finds(s3: FakeS3, store: Any, fake_clock: FakeClock) -> None:
    s3.keys = ["new/a"]
    assert numbers(watch(make(store), fake_clock, looks=4)) == [2]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refuse("AccessDenied", "ListObjectsV2"), "Give the role of the Airflow connection this permission"),
        (refuse("SlowDown", "ListObjectsV2"), "SlowDown"),
        (OSError("no route"), "no route"),
    ],
)
def test_a_look_that_fails_is_told_and_made_again(
    error: Exception,
    said: str,
    s3: FakeS3,
    store: FakeStore,
    fake_clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    s3.keys, s3.errors = ["new/a"], [error, error]
    assert numbers(watch(make(store), fake_clock, looks=5)) == [4]
    assert fake_clock.slept == [600.0] * 5
    lines = [record.getMessage() for record in caplog.records if "look failed" in record.getMessage()]
    assert len(lines) == 2
    assert lines[0].startswith("s3://photos/new: ")
    assert said in lines[0]


def test_a_connection_that_airflow_does_not_have_is_told_instead_of_the_machine_s_credentials(
    s3: FakeS3, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def missing(name: str) -> None:
        raise AirflowNotFoundException(f"no connection {name}")

    monkeypatch.setattr(BaseHook, "aget_connection", missing)
    assert watch(make(None), fake_clock, looks=2) == []
    assert (s3.asked, "no connection aws" in caplog.text) == ([], True)


def test_a_zip_is_watched_by_its_own_key(s3: FakeS3, store: FakeStore, fake_clock: FakeClock) -> None:
    s3.keys = ["new/p.zip", "new/p.zip.sha256"]
    events = watch(make(store, key="new/p.zip"), fake_clock, looks=2)
    assert events == [(2, {"source": "s3://photos/new/p.zip", "objects": 1, "bytes": 5})]
    s3.keys = ["new/p.zip.part"]
    assert watch(make(None, key="new/p.zip"), fake_clock, looks=3) == []


def test_a_long_listing_is_looked_at_more_rarely(s3: FakeS3, store: FakeStore, fake_clock: FakeClock) -> None:
    s3.keys = [f"new/{number}" for number in range(202)]
    watch(make(store), fake_clock, looks=2)
    assert fake_clock.slept == [1200.0, 1200.0]


def test_what_the_dag_s_file_says_is_what_the_triggerer_makes(fake_clock: FakeClock) -> None:
    path, arguments = make(None).serialize()
    assert path == "musher.triggers.new_data.NewDataTrigger"
    assert isinstance(make(None), BaseEventTrigger)
    assert NewDataTrigger(**arguments).serialize() == (path, arguments)
