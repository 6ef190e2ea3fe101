"""Fault rules: which job they hit, how often, and what makes no rule."""

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from localaws.asgi import Request, Response, Router
from localaws.errors import FaultRuleError
from localaws.faults import PATH, Faults, FaultService, SpotInterruption, parse_rule


def test_a_rule_hits_a_job_by_the_beginning_of_its_name_after_its_time_and_so_often() -> None:
    faults = Faults()
    faults.add(SpotInterruption(job="musher-train", after_s=60, times=2))
    assert faults.take_interruption(job="other", trained_s=100) is None
    assert faults.take_interruption(job="musher-train-1", trained_s=59.9) is None
    assert faults.take_interruption(job="musher-train-1", trained_s=60) is not None
    assert faults.take_interruption(job="musher-train-2", trained_s=61) is not None
    assert faults.take_interruption(job="musher-train-2", trained_s=300) is None
    assert faults.describe()[0]["fired"] == 2


def test_the_first_rule_that_applies_is_taken() -> None:
    faults = Faults()
    faults.add(SpotInterruption(job="job", capacity_after_s=1))
    faults.add(SpotInterruption(job="job", capacity_after_s=2))
    taken = [faults.take_interruption(job="job", trained_s=0) for _ in range(3)]
    assert [rule.capacity_after_s for rule in taken if rule is not None] == [1, 2]
    assert faults.clear() == 2
    assert faults.describe() == []


def test_a_posted_rule_has_defaults() -> None:
    rule = parse_rule(json.dumps({"kind": "spot_interruption", "job": "a"}).encode())
    assert (rule.after_s, rule.times, rule.capacity_after_s, rule.fired) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not JSON"),
        (b"[]", "must be a JSON object"),
        (b'{"kind": "spot_interruption", "job": "a", "times": true}', "times is True"),
        (b'{"kind": "spot_interruption", "job": "a", "after_s": NaN}', "after_s is nan"),
        (b'{"kind": "spot_interruption", "job": "a", "capacity_after_s": "1"}', "capacity_after_s is '1'"),
        (b'{"kind": "spot_interruption", "job": ""}', "job is ''"),
    ],
)
def test_what_makes_no_rule_is_named(body: bytes, message: str) -> None:
    with pytest.raises(FaultRuleError, match=message):
        parse_rule(body)


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("after_s", -1, "after_s is -1; it must be a number of AWS seconds from 0"),
        ("after_s", float("inf"), "after_s is inf"),
        ("after_s", 1e300, "after_s is 1e+300"),
        pytest.param("after_s", 10**400, "it must be a number of AWS seconds from 0", id="beyond floats"),
        ("after_s", True, "after_s is True"),
        ("after_s", None, "after_s is None"),
        ("capacity_after_s", [], "capacity_after_s is []"),
        ("times", 0, "times is 0; it must be a whole number from 1"),
        ("times", 1.5, "times is 1.5"),
        ("times", "2", "times is '2'"),
        ("job", 5, "job is 5; it must be a job's name, or how one begins"),
        ("kind", "earthquake", "kind is 'earthquake'; it must be 'spot_interruption'"),
        ("kind", None, "kind is None"),
        ("fired", 3, "unknown member 'fired'; a rule has after_s, capacity_after_s, job, kind, times"),
        ("id", "x", "unknown member 'id'"),
    ],
)
def test_a_member_that_makes_no_sense_is_named_with_what_it_must_be(
    member: str, value: object, message: str
) -> None:
    rule = {"kind": "spot_interruption", "job": "a", member: value}
    with pytest.raises(FaultRuleError, match=re.escape(message)):
        parse_rule(json.dumps(rule).encode())


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[" * 100_000, b'{"a": ' * 100_000, b"1" * 5000, b'"text"', b"null"]
)
def test_what_is_no_json_object_is_refused_whatever_it_is(body: bytes) -> None:
    with pytest.raises(FaultRuleError, match="the body"):
        parse_rule(body)


class Client:
    """Speak to the routes of the rules."""

    def __init__(self, faults: Faults) -> None:
        self._router = Router()
        FaultService(faults).register(self._router)

    def send(self, method: str, body: bytes = b"") -> tuple[int, Any]:
        """Return status and document of an answer."""
        found = self._router.find(method=method, path=PATH)
        assert found is not None

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        request = Request(method=method, path=PATH, query="", headers={}, receive=receive)

        async def answer() -> Response:
            return await found[0](request)

        response = asyncio.run(answer())
        return response.status, json.loads(response.body)


def test_rules_are_posted_listed_in_their_order_and_forgotten() -> None:
    client = Client(Faults())
    for job in ("a", "b"):
        status, rule = client.send("POST", json.dumps({"kind": "spot_interruption", "job": job}).encode())
        assert (status, rule["job"], rule["fired"]) == (201, job, 0)
    listed = client.send("GET")[1]["faults"]
    assert [rule["job"] for rule in listed] == ["a", "b"]
    assert listed[0]["id"] != listed[1]["id"]
    assert client.send("DELETE") == (200, {"cleared": 2})
    assert client.send("GET") == (200, {"faults": []})
    assert client.send("DELETE") == (200, {"cleared": 0})


def test_a_refused_rule_is_a_validation_error_and_not_kept() -> None:
    client = Client(Faults())
    status, error = client.send("POST", b'{"kind": "spot_interruption", "job": "a", "times": -1}')
    assert (status, error["__type"]) == (400, "ValidationException")
    assert error["message"] == "times is -1; it must be a whole number from 1"
    assert client.send("GET") == (200, {"faults": []})


def test_jobs_that_ask_at_once_are_interrupted_no_more_often_than_the_rule_says() -> None:
    faults = Faults()
    faults.add(SpotInterruption(job="job", times=3))
    with ThreadPoolExecutor(max_workers=8) as pool:
        taken = list(pool.map(lambda _: faults.take_interruption(job="job-1", trained_s=1), range(64)))
    assert sum(rule is not None for rule in taken) == 3


def test_the_status_page_shows_rules_as_they_are_listed() -> None:
    faults = Faults()
    faults.add(SpotInterruption(job="job"))
    assert FaultService(faults).describe() == {"faults": faults.describe()}
