"""What the status page's routes gather from services and logs that are made up."""

import asyncio
import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from moto.logs.models import logs_backends

from localaws.asgi import Request, Response, Router
from localaws.clock import ManualClock
from localaws.status.log_lines import LINES, last_lines
from localaws.status.service import MAX_ROWS, StatusService, as_json

ACCOUNT, NOON = "123456789012", datetime(2026, 1, 1, 12, tzinfo=UTC)


class Jobs:
    """A service that says something of itself."""

    def __init__(self, rows: Iterable[Any], *, section: str = "jobs") -> None:
        self._rows, self._section = rows, section

    def describe(self) -> dict[str, Iterable[Any]]:
        return {self._section: self._rows}


def job(name: str, *, minute: int) -> dict[str, Any]:
    return {"name": name, "created": NOON + timedelta(minutes=minute)}


def status_of(*services: object, children: Iterable[Any] = (), lines: Iterable[Any] = ()) -> StatusService:
    context: Any = SimpleNamespace(
        services=list(services),
        clock=ManualClock(start=NOON),
        endpoint_url="http://localhost:4566",
        region="us-east-1",
        supervisor=SimpleNamespace(running=lambda: list(children)),
        recent_lines=list(lines),
    )
    return StatusService(context)


def get(service: StatusService, path: str, query: str = "") -> Response:
    """Return what a route answers."""
    router = Router()
    service.register(router)
    found = router.find(method="GET", path=path)
    assert found is not None

    async def answer() -> Response:
        return await found[0](Request(method="GET", path=path, query=query, headers={}, receive=None))  # type: ignore[arg-type]

    return asyncio.run(answer())


def test_jobs_of_all_kinds_are_one_list_with_the_newest_first() -> None:
    trainings = Jobs([job("a", minute=1), job("b", minute=5)])
    tunings = Jobs([job("c", minute=3)])
    gathered = status_of(trainings, object(), tunings).gather()
    assert [row["name"] for row in gathered["jobs"]] == ["b", "c", "a"]


def test_without_a_service_there_are_no_jobs_and_no_other_section() -> None:
    gathered = status_of().gather()
    assert gathered["jobs"] == []
    assert set(gathered) == {"now", "endpoint_url", "region", "children", "lines", "jobs"}


def test_a_service_with_endless_rows_shows_the_first() -> None:
    rows = (job(str(number), minute=-number) for number in range(10**6))
    assert len(status_of(Jobs(rows)).gather()["jobs"]) == MAX_ROWS
    assert next(rows)["name"] == str(MAX_ROWS)


def test_children_and_last_lines_are_shown_with_times_as_text() -> None:
    child = SimpleNamespace(name="endpoint e", pid=7)
    service = status_of(children=[child], lines=[(NOON, "/g", "s", "hello")])
    answer = get(service, "/_localaws/status")
    shown = json.loads(answer.body)
    assert shown["now"] == "2026-01-01T12:00:00+00:00"
    assert shown["children"] == [{"name": "endpoint e", "pid": 7}]
    assert shown["lines"] == [{"at": shown["now"], "group": "/g", "stream": "s", "message": "hello"}]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (NOON, "2026-01-01T12:00:00+00:00"),
        (NOON.replace(tzinfo=None), "2026-01-01T12:00:00+00:00"),
        (NOON.astimezone(timezone(timedelta(hours=2))), "2026-01-01T14:00:00+02:00"),
        (ValueError("x"), "x"),
    ],
)
def test_a_time_without_a_zone_is_utc(value: object, text: str) -> None:
    assert as_json(value) == text


def test_the_address_without_its_slash_leads_to_the_page() -> None:
    answer = get(status_of(), "/_localaws")
    assert (answer.status, answer.headers["location"]) == (308, "/_localaws/")
    assert get(status_of(), "/_localaws/").headers["content-type"].startswith("text/html")


@pytest.fixture
def group() -> str:
    return f"/aws/status/{uuid.uuid4().hex}"


def write(group: str, stream: str, *messages: str, region: str = "us-east-1", minute: int = 0) -> None:
    """Put lines into a log, a second apart."""
    backend = logs_backends[ACCOUNT][region]
    backend.ensure_log_group(group)
    backend.ensure_log_stream(group, stream)
    begin = int((NOON + timedelta(minutes=minute)).timestamp() * 1000)
    events = [{"timestamp": begin + 1000 * at, "message": text} for at, text in enumerate(messages)]
    backend.groups[group].put_log_events(stream, events)


def messages(group: str, **asked: str) -> list[str]:
    """Return what is shown of a group."""
    everything = {"prefix": "", "account_id": "", "region": ""}
    return [line["message"] for line in last_lines(group=group, **everything | asked)]


def test_lines_of_all_streams_are_shown_in_the_order_of_their_times(group: str) -> None:
    write(group, "b", "1", "2")
    write(group, "a", "3", minute=1)
    assert messages(group) == ["1", "2", "3"]


def test_only_the_last_lines_are_shown(group: str) -> None:
    write(group, "a", *map(str, range(LINES + 50)))
    write(group, "b", "newest", minute=60)
    shown = messages(group)
    assert (len(shown), shown[0], shown[-1]) == (LINES, "51", "newest")


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({}, ["one", "two", "west"]),
        ({"prefix": "job-1/"}, ["one", "west"]),
        ({"prefix": "job-1/", "region": "us-east-1"}, ["one"]),
        ({"region": "us-west-2"}, ["west"]),
        ({"account_id": "000000000000"}, []),
        ({"account_id": ACCOUNT, "prefix": "job-2"}, ["two"]),
        ({"prefix": "JOB"}, []),
    ],
)
def test_streams_are_chosen_by_prefix_account_and_region(
    group: str, asked: dict[str, str], shown: list[str]
) -> None:
    write(group, "job-1/algo-1", "one")
    write(group, "job-2/algo-1", "two", minute=1)
    write(group, "job-1/algo-1", "west", region="us-west-2", minute=2)
    assert messages(group, **asked) == shown


def test_the_route_takes_percent_encoded_names(group: str) -> None:
    write(f"{group}/a b&c", "s", "é")
    answer = get(status_of(), "/_localaws/logs", urlencode({"group": f"{group}/a b&c", "prefix": "s"}))
    lines = json.loads(answer.body)["lines"]
    assert lines == [{"at": "2026-01-01T12:00:00+00:00", "stream": "s", "message": "é"}]


@pytest.mark.parametrize("query", ["", "prefix=a", "group=", "Group=x", "%"])
def test_a_group_must_be_named(query: str) -> None:
    answer = get(status_of(), "/_localaws/logs", query)
    assert (answer.status, json.loads(answer.body)["message"]) == (400, "group must be given")


def test_a_group_that_is_not_there_has_no_lines(group: str) -> None:
    assert json.loads(get(status_of(), "/_localaws/logs", f"group={group}").body) == {"lines": []}
