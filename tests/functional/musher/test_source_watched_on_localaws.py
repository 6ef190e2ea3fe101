"""The watch of a source against S3: keys of every kind, pages, zips, and what is sent again."""

import asyncio
import uuid
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest

from musher import clock
from musher.triggers.new_data import NewDataTrigger


@pytest.fixture
def bucket(localaws: Any) -> str:
    name = f"photos-{uuid.uuid4().hex[:8]}"
    localaws.client("s3").create_bucket(Bucket=name)
    return name


class Uploads:
    """Put what a test says after each look; the watch ends after the last."""

    def __init__(self, localaws: Any, bucket: str, turns: list[Iterable[str]]) -> None:
        self.s3, self.bucket, self.turns = localaws.client("s3"), bucket, list(turns)

    async def sleep(self, _: float) -> None:
        if not self.turns:
            raise asyncio.CancelledError
        for key in self.turns.pop(0):
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=key.encode())


def watch(uploads: Uploads, *, key: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the events of a watch that looks once more than there are turns."""
    monkeypatch.setattr(clock, "sleep", uploads.sleep)
    trigger = NewDataTrigger(
        bucket=uploads.bucket, key=key, quiet_s=1.0, aws_conn_id="aws_default", region_name="us-east-1"
    )
    events: list[Any] = []

    async def collect() -> None:
        async for event in trigger.run():
            events.append(event.payload)  # noqa: PERF401 - those before the end count

    with suppress(asyncio.CancelledError):
        asyncio.run(collect())
    return events


def test_an_upload_is_announced_when_it_is_over_and_the_same_bytes_are_not(
    localaws: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = ["new/cats/ä ö+.png", "newer/other.png"], ["new/cats/2 %.png"]
    uploads = Uploads(localaws, bucket, [first, second, [], [*first, *second], []])
    [event] = watch(uploads, key="new", monkeypatch=monkeypatch)
    sizes = sum(len(key.encode()) for key in ("new/cats/ä ö+.png", "new/cats/2 %.png"))
    assert event == {"source": f"s3://{bucket}/new", "objects": 2, "bytes": sizes}


def test_a_zip_that_is_replaced_is_announced_and_its_neighbour_is_not(
    localaws: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = localaws.client("s3")
    s3.put_object(Bucket=bucket, Key="p.zip", Body=b"an older zip")
    uploads = Uploads(localaws, bucket, [[], ["p.zip.txt"], [], ["p.zip"], []])
    events = watch(uploads, key="p.zip", monkeypatch=monkeypatch)
    assert [event["bytes"] for event in events] == [len("an older zip"), len("p.zip")]


def test_a_bucket_that_is_not_there_is_told_at_each_look(
    localaws: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    uploads = Uploads(localaws, "photos-of-nobody", [[]])
    assert watch(uploads, key="new", monkeypatch=monkeypatch) == []
    lines = [record.getMessage() for record in caplog.records if "look failed" in record.getMessage()]
    assert len(lines) == 2
    assert "NoSuchBucket" in lines[0]
