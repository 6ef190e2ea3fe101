"""Many waits, one poller: what it costs, how soon an end is known, and what it outlives."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from musher import clock
from musher.triggers.jobs import TrainingJobTrigger
from musher.triggers.polling.job_listing import DESCRIBES_PER_S, OVERLAP_S
from musher.triggers.polling.poller import DESCRIBES_AT_ONCE, FEW, FULL_LOOK_S
from tests.unit.musher.operators.fakes import refuse
from tests.unit.musher.triggers.polling.listed_jobs import START_S, ListedJobs, now_s
from tests.virtual_time import run_in_virtual_time

INTERVAL_S = 10.0
THROTTLED = refuse("ThrottlingException", "ListTrainingJobs")
DENIED = refuse("AccessDeniedException", "ListTrainingJobs")


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> ListedJobs:
    """Training jobs, as every wait finds them; the clock is the event loop's."""
    made = ListedJobs()
    monkeypatch.setattr(clock, "now", now_s)
    monkeypatch.setattr(clock, "sleep", asyncio.sleep)
    monkeypatch.setattr(TrainingJobTrigger, "make_source", lambda _: made.source())
    monkeypatch.setattr(random, "uniform", random.Random(7).uniform)
    return made


class Crowd:
    """Waits for jobs, each a task as in the triggerer, and when each has ended."""

    def __init__(self, jobs: ListedJobs) -> None:
        self.jobs = jobs
        self.tasks: dict[str, asyncio.Task[Any]] = {}
        self.ended_at: dict[str, float] = {}

    def add(self, *names: str, wait_s: float = 24 * 3600.0) -> None:
        """Wait for jobs, which are there."""
        for name in names:
            if name not in self.jobs.jobs:
                self.jobs.put(name)
            trigger = TrainingJobTrigger(
                arguments={"TrainingJobName": name},
                connection={"aws_conn_id": "a", "region_name": "us-east-1"},
                delay_s=INTERVAL_S,
                deadline=now_s() + wait_s,
            )
            self.tasks[name] = asyncio.create_task(self._wait(name, trigger))

    async def _wait(self, name: str, trigger: TrainingJobTrigger) -> Any:
        event = await anext(aiter(trigger.run()))
        self.ended_at[name] = now_s() - START_S
        return event.payload

    async def leave(self, *names: str) -> None:
        """Cancel waits, as the triggerer does."""
        for name in names:
            self.tasks[name].cancel()
        await asyncio.gather(*[self.tasks.pop(name) for name in names], return_exceptions=True)

    async def outcomes(self) -> dict[str, str]:
        """Return how each wait ended."""
        ends = await asyncio.gather(*self.tasks.values())
        return {name: end["outcome"] for name, end in zip(self.tasks, ends, strict=True)}


def names(count: int, first: int = 0) -> list[str]:
    return [f"musher-train-{number:04}" for number in range(first, first + count)]


def in_time(jobs: ListedJobs, act: Callable[[Crowd], Awaitable[Any]]) -> Crowd:
    """Let `act` happen to a crowd; whoever still waits then is cancelled."""

    async def play() -> Crowd:
        crowd = Crowd(jobs)
        await act(crowd)
        await crowd.leave(*crowd.tasks)
        return crowd

    return run_in_virtual_time(play())


def test_a_few_waits_look_for_themselves_and_follow_their_logs(jobs: ListedJobs) -> None:
    async def act(crowd: Crowd) -> None:
        crowd.add(*names(FEW))
        await asyncio.sleep(95)

    in_time(jobs, act)
    assert jobs.listed() == []
    assert jobs.described() == FEW * 10
    assert sum(call == "logs" for _, call in jobs.calls) == FEW * 10


def test_a_thousand_waits_cost_less_than_a_call_a_second(jobs: ListedJobs) -> None:
    async def act(crowd: Crowd) -> None:
        crowd.add(*names(1000))
        await asyncio.sleep(600)
        jobs.calls.clear()
        await asyncio.sleep(600)

    in_time(jobs, act)
    assert len(jobs.calls) / 600 < 0.25
    assert jobs.described() == 0


def test_each_end_is_known_within_an_interval(jobs: ListedJobs) -> None:
    spread = random.Random(1)
    at: dict[str, float] = {}

    async def act(crowd: Crowd) -> None:
        crowd.add(*names(1000))
        await asyncio.sleep(60)
        for name in spread.sample(names(1000), 1000):
            await asyncio.sleep(spread.expovariate(8))
            at[name] = now_s() - START_S
            jobs.put(name, spread.choice(["Completed", "Completed", "Failed", "Stopped"]))
        found = await crowd.outcomes()
        wanted = {name: jobs.jobs[name]["TrainingJobStatus"] == "Completed" for name in found}
        assert {name: outcome == "success" for name, outcome in found.items()} == wanted

    crowd = in_time(jobs, act)
    delays = sorted(crowd.ended_at[name] - at[name] for name in at)
    assert delays[989] <= INTERVAL_S
    assert len(jobs.listed()) / max(crowd.ended_at.values()) < 1
    assert jobs.described() / max(crowd.ended_at.values()) < DESCRIBES_PER_S + 0.1


def test_lists_are_asked_for_at_half_of_their_quota(jobs: ListedJobs) -> None:
    """1,000 jobs change at once, and again: ten pages each time, and no two within a second."""

    async def act(crowd: Crowd) -> None:
        crowd.add(*names(1000))
        for _ in range(3):
            await asyncio.sleep(40)
            for name in names(1000):
                jobs.put(name)

    in_time(jobs, act)
    pauses = [after - before for before, after in zip(jobs.listed(), jobs.listed()[1:], strict=False)]
    assert min(pauses) >= 1.0 - 1e-6


def test_a_triggerer_that_takes_over_a_thousand_waits_finds_those_that_have_ended(jobs: ListedJobs) -> None:
    async def act(crowd: Crowd) -> None:
        for name in names(1000):
            jobs.put(name, "Completed" if int(name[-1]) < 5 else "InProgress")
        await asyncio.sleep(7200)
        jobs.calls.clear()
        crowd.add(*names(1000))
        await asyncio.sleep(30)
        assert len(crowd.ended_at) == 500
        assert jobs.described() <= DESCRIBES_AT_ONCE + FEW

    in_time(jobs, act)


def test_whoever_joins_a_crowd_looks_at_once(jobs: ListedJobs) -> None:
    async def act(crowd: Crowd) -> None:
        crowd.add(*names(50))
        await asyncio.sleep(100)
        jobs.put("musher-train-late", "Completed")
        crowd.add("musher-train-late")
        await asyncio.sleep(0.1)
        assert "musher-train-late" in crowd.ended_at

    in_time(jobs, act)


def test_a_change_that_a_list_shows_late_is_not_missed(jobs: ListedJobs) -> None:
    async def act(crowd: Crowd) -> None:
        crowd.add(*names(50))
        await asyncio.sleep(60)
        jobs.put(names(1)[0], "Completed")
        jobs.unlisted = set(names(1))
        await asyncio.sleep(OVERLAP_S - INTERVAL_S)
        jobs.unlisted = set()
        await asyncio.sleep(INTERVAL_S)
        assert list(crowd.ended_at) == names(1)

    in_time(jobs, act)


def test_a_job_that_no_list_ever_shows_is_described_now_and_then(jobs: ListedJobs) -> None:
    async def act(crowd: Crowd) -> None:
        jobs.unlisted = set(names(3))
        crowd.add(*names(50))
        await asyncio.sleep(60)
        before = jobs.described()
        for name in names(3):
            jobs.put(name, "Failed")
        await asyncio.sleep(FULL_LOOK_S + 2 * INTERVAL_S)
        assert sorted(crowd.ended_at) == names(3)
        assert jobs.described() <= before + 2 * 3 + 3  # each looks, and shows its log once it has failed

    in_time(jobs, act)


def test_the_crowd_outlives_whoever_leaves_and_the_last_closes_the_clients(jobs: ListedJobs) -> None:
    async def act(crowd: Crowd) -> None:
        crowd.add(*names(50))
        await asyncio.sleep(60)
        await crowd.leave(*names(20))  # the one that began it all among them
        jobs.put(names(50)[-1], "Completed")
        await asyncio.sleep(INTERVAL_S)
        assert list(crowd.ended_at) == [names(50)[-1]]
        assert jobs.closed == []
        await crowd.leave(*names(29, first=20))
        assert jobs.opened.count("sagemaker") == jobs.closed.count("sagemaker") == 1
        assert not asyncio.all_tasks() - {asyncio.current_task(), *crowd.tasks.values()}

    in_time(jobs, act)


def test_the_few_that_a_crowd_leaves_look_for_themselves_again(jobs: ListedJobs) -> None:
    async def act(crowd: Crowd) -> None:
        crowd.add(*names(50))
        await asyncio.sleep(60)
        jobs.calls.clear()
        await crowd.leave(*names(47))
        await asyncio.sleep(95)

    in_time(jobs, act)
    assert jobs.listed() == []
    assert jobs.described() == 3 * 10


def test_two_waits_for_one_job_both_hear_of_its_end(jobs: ListedJobs) -> None:
    async def act(crowd: Crowd) -> None:
        crowd.add(*names(50))
        first = crowd.tasks.pop(names(1)[0])
        crowd.add(names(1)[0])
        await asyncio.sleep(60)
        jobs.put(names(1)[0], "Completed")
        await asyncio.sleep(INTERVAL_S)
        assert (await first)["outcome"] == (await crowd.tasks[names(1)[0]])["outcome"] == "success"

    in_time(jobs, act)


def test_a_throttled_list_is_asked_for_more_rarely(jobs: ListedJobs) -> None:
    async def act(crowd: Crowd) -> None:
        crowd.add(*names(50))
        await asyncio.sleep(60)
        jobs.calls.clear()
        jobs.list_errors = [THROTTLED] * 4
        await asyncio.sleep(250)
        jobs.put(names(1)[0], "Completed")
        await asyncio.sleep(INTERVAL_S)
        assert list(crowd.ended_at) == names(1)

    in_time(jobs, act)
    pauses = [round(after - before) for before, after in zip(jobs.listed(), jobs.listed()[1:], strict=False)]
    assert pauses[:4] == [20, 40, 60, 60]


@pytest.mark.parametrize(
    "errors", [[THROTTLED] * 99, [DENIED] * 99, [KeyError("ours")] * 99], ids=["throttled", "denied", "bug"]
)
def test_where_the_list_fails_each_wait_says_so_and_looks_for_itself(
    errors: list[Exception], jobs: ListedJobs, caplog: pytest.LogCaptureFixture
) -> None:
    async def act(crowd: Crowd) -> None:
        jobs.list_errors = errors
        crowd.add(*names(50))
        await asyncio.sleep(120)
        for name in names(50):
            jobs.put(name, "Completed")
        await asyncio.sleep(60 + 50 / DESCRIBES_PER_S)
        assert len(crowd.ended_at) == 50
        assert jobs.described() / now_s() - START_S < DESCRIBES_PER_S

    in_time(jobs, act)
    told = [
        line for line in caplog.messages if "looking by itself, as the list of jobs cannot be read" in line
    ]
    assert {line.split(":")[0] for line in told} == {f"TrainingJobName {name}" for name in names(50)}
    assert len(told) <= 2 * 50


def test_a_wait_in_a_crowd_ends_at_its_deadline(jobs: ListedJobs) -> None:
    async def act(crowd: Crowd) -> None:
        crowd.add(*names(49))
        crowd.add("musher-train-long", wait_s=120)
        await asyncio.sleep(120 + INTERVAL_S)
        assert crowd.tasks["musher-train-long"].result()["outcome"] == "timeout"

    in_time(jobs, act)


def test_in_a_crowd_logs_are_not_followed_and_the_wait_says_where_they_are(
    jobs: ListedJobs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def act(crowd: Crowd) -> None:
        crowd.add(*names(50))
        await asyncio.sleep(100)
        jobs.calls.clear()
        jobs.put(names(2)[0], "Completed")
        jobs.put(names(2)[1], "Failed")
        await asyncio.sleep(INTERVAL_S)
        assert sorted(crowd.ended_at) == names(2)

    in_time(jobs, act)
    assert [call for _, call in jobs.calls if call == "logs"] == ["logs"]  # of the one that failed
    assert (
        f"{names(1)[0]}: many jobs are waited for here, so its lines are not followed: "
        f"log group /aws/sagemaker/TrainingJobs, streams {names(1)[0]}/" in caplog.messages
    )
    assert f"{names(1)[0]}: Completed" in caplog.messages


def test_the_poller_s_lines_are_in_no_wait_s_log(jobs: ListedJobs) -> None:
    """Airflow tells a trigger's lines by context variables, which a task inherits from whoever starts it."""
    whose: ContextVar[str] = ContextVar("whose", default="nobody's")
    heard: list[str] = []
    listed = jobs.list_page

    async def list_page(**given: Any) -> dict[str, Any]:
        heard.append(whose.get())
        return await listed(**given)

    jobs.list_page = list_page  # type: ignore[method-assign]

    async def act(crowd: Crowd) -> None:
        for name in names(50):
            whose.set(name)
            crowd.add(name)
        await asyncio.sleep(30)

    in_time(jobs, act)
    assert set(heard) == {"nobody's"}


def test_only_jobs_of_the_same_beginning_are_read(jobs: ListedJobs) -> None:
    async def act(crowd: Crowd) -> None:
        crowd.add(*names(50))
        await asyncio.sleep(30)

    in_time(jobs, act)
    assert {given["NameContains"] for given in jobs.filters} == {"musher-train-00"}
    assert jobs.filters[0]["StatusEquals"] == "InProgress"
    assert "LastModifiedTimeAfter" in jobs.filters[1]


def test_a_clock_that_is_put_back_while_a_list_is_read_stops_no_list(
    jobs: ListedJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_back_s = 0.0
    list_page = jobs.list_page

    async def list_and_put_back(**given: Any) -> dict[str, Any]:
        nonlocal put_back_s
        if now_s() > START_S + 60:
            put_back_s = 3600.0
        return await list_page(**given)

    monkeypatch.setattr(clock, "now", lambda: now_s() - put_back_s)
    monkeypatch.setattr(jobs, "list_page", list_and_put_back)
    [first, *_] = names(FEW * 2)

    async def act(crowd: Crowd) -> None:
        crowd.add(*names(FEW * 2))
        await asyncio.sleep(100)
        jobs.put(first, "Completed")
        await asyncio.sleep(2 * INTERVAL_S)

    crowd = in_time(jobs, act)
    assert put_back_s
    assert crowd.ended_at[first] <= 100 + INTERVAL_S + 1
