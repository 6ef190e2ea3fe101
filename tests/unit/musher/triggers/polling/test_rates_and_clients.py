"""What the poller's waits share: a rate, and clients that are made anew."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.waiter import WaiterModel

from musher import clock
from musher.hooks.waits import WAITERS, judge_answer
from musher.triggers.polling.job_listing import read_date
from musher.triggers.polling.shared_client import AGAIN_S, RENEW_S, SharedClient
from musher.triggers.polling.token_bucket import TokenBucket
from tests.unit.musher.triggers.polling.listed_jobs import ListedJobs, Opened, now_s
from tests.virtual_time import run_in_virtual_time


@pytest.fixture(autouse=True)
def loop_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", now_s)
    monkeypatch.setattr(clock, "sleep", asyncio.sleep)


def test_a_bucket_gives_its_tokens_at_once_and_then_at_its_rate_in_order() -> None:
    async def play() -> list[tuple[int, float]]:
        bucket, start, taken = TokenBucket(per_s=2, burst=3), now_s(), []

        async def take(number: int) -> None:
            await bucket.take()
            taken.append((number, round(now_s() - start, 3)))

        await asyncio.gather(*[take(number) for number in range(6)])
        assert not bucket.try_take()
        await asyncio.sleep(0.5)
        assert bucket.try_take()
        return taken

    assert run_in_virtual_time(play()) == [(0, 0), (1, 0), (2, 0), (3, 0.5), (4, 1), (5, 1.5)]


def test_whoever_leaves_the_queue_of_a_bucket_takes_nothing() -> None:
    async def play() -> None:
        bucket = TokenBucket(per_s=1, burst=1)
        assert bucket.try_take()
        waiting = [asyncio.create_task(bucket.take()) for _ in range(3)]
        await asyncio.sleep(0.5)
        waiting[0].cancel()
        waiting[1].cancel()
        await asyncio.sleep(0.6)
        assert waiting[2].done()

    run_in_virtual_time(play())


def test_a_clock_that_is_put_back_gives_no_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: 1000.0)
    bucket = TokenBucket(per_s=1, burst=1)
    assert bucket.try_take()
    monkeypatch.setattr(clock, "now", lambda: 0.0)
    assert not bucket.try_take()
    monkeypatch.setattr(clock, "now", lambda: 1.0)
    assert bucket.try_take()


def make(jobs: ListedJobs) -> SharedClient:
    async def open_client() -> Any:
        await asyncio.sleep(1)
        return Opened(jobs, "sagemaker")

    return SharedClient(open_client)


def test_all_who_ask_at_once_get_one_client() -> None:
    async def play() -> None:
        jobs = ListedJobs()
        shared = make(jobs)
        assert len(set(await asyncio.gather(*[shared.get() for _ in range(5)]))) == 1
        await shared.close()
        assert (jobs.opened, jobs.closed) == (["sagemaker"], ["sagemaker"])

    run_in_virtual_time(play())


def test_a_client_is_made_anew_and_the_one_before_is_kept_for_calls_under_way() -> None:
    async def play() -> None:
        jobs = ListedJobs()
        shared = make(jobs)
        found = []
        for _ in range(3):
            found.append(await shared.get())
            assert await shared.get() is found[-1]
            await asyncio.sleep(RENEW_S + 1)
        assert len(set(found)) == 3
        assert len(jobs.closed) == 1
        await shared.close()
        assert len(jobs.closed) == 3

    run_in_virtual_time(play())


def test_a_client_that_cannot_be_opened_is_tried_again_by_the_next() -> None:
    async def play() -> None:
        jobs, errors = ListedJobs(), [ConnectionError("no route")]

        async def open_client() -> Any:
            if errors:
                raise errors.pop()
            return Opened(jobs, "sagemaker")

        shared = SharedClient(open_client)
        with pytest.raises(ConnectionError):
            await shared.get()
        await shared.get()
        await shared.close()
        assert (jobs.opened, jobs.closed) == (["sagemaker"], ["sagemaker"])

    run_in_virtual_time(play())


def test_a_client_that_cannot_be_made_anew_goes_on_and_is_tried_again() -> None:
    """Airflow knows the connection, and may be away for a moment: no wait ends for that."""

    async def play() -> None:
        jobs, errors = ListedJobs(), [RuntimeError("the API server is restarting")]

        async def open_client() -> Any:
            if jobs.opened and errors:
                raise errors.pop()
            return Opened(jobs, "sagemaker")

        shared = SharedClient(open_client)
        first = await shared.get()
        await asyncio.sleep(RENEW_S + 1)
        assert await shared.get() is first
        await asyncio.sleep(AGAIN_S - 1)
        assert await shared.get() is first
        await asyncio.sleep(2)
        assert await shared.get() is not first
        await shared.close()
        assert len(jobs.closed) == 2

    run_in_virtual_time(play())


@pytest.mark.parametrize(
    ("waiter", "member", "status", "judged"),
    [
        ("TrainingJobEnded", "TrainingJobStatus", "Completed", True),
        ("TrainingJobEnded", "TrainingJobStatus", "Stopped", False),
        ("TrainingJobEnded", "TrainingJobStatus", "Stopping", None),
        ("ProcessingJobEnded", "ProcessingJobStatus", "Failed", False),
        ("TransformJobEnded", "TransformJobStatus", "Completed", True),
        ("TuningJobEnded", "HyperParameterTuningJobStatus", "Deleting", False),
        ("TuningJobEnded", "HyperParameterTuningJobStatus", "InProgress", None),
    ],
)
def test_a_list_s_summary_is_judged_by_the_waiter_s_own_data(
    waiter: str, member: str, status: str, judged: bool | None
) -> None:
    config = WaiterModel(json.loads((WAITERS / "sagemaker.json").read_text())).get_waiter(waiter)
    summary = {member: status}
    assert judge_answer(SimpleNamespace(config=config), summary) == (summary if judged is None else judged)


def test_a_list_is_of_the_time_that_aws_says() -> None:
    async def play() -> None:
        said = {"ResponseMetadata": {"HTTPHeaders": {"date": "Fri, 15 Jan 2027 08:00:07 GMT"}}}
        assert read_date(said).timestamp() == 1_800_000_007
        for unsaid in ({}, {"ResponseMetadata": {"HTTPHeaders": {"date": "soon"}}}):
            assert read_date(unsaid).timestamp() == now_s()

    run_in_virtual_time(play())
