"""Rules that take spot instances away: which job they hit, how often, and what makes no rule."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from localaws.errors import FaultRuleError
from localaws.faults.members import read_document
from localaws.faults.rule_book import Faults
from localaws.faults.spec import SpotInterruption
from localaws.faults.validation import parse_rule


def with_rules(*members: dict[str, Any]) -> Faults:
    """Return the faults of some rules."""
    faults = Faults()
    for each in members:
        faults.add(parse_rule({"kind": "spot_interruption"} | each))
    return faults


def take(faults: Faults, *, job: str, trained_s: float) -> SpotInterruption | None:
    """Ask for an interruption."""
    return faults.take_interruption(job=job, trained_s=trained_s, now="now")


def test_a_rule_hits_a_job_by_the_beginning_of_its_name_after_its_time_and_so_often() -> None:
    faults = with_rules({"job": "musher-train", "after_s": 60, "times": 2})
    assert take(faults, job="other", trained_s=100) is None
    assert take(faults, job="musher-train-1", trained_s=59.9) is None
    assert take(faults, job="musher-train-1", trained_s=60) is not None
    assert take(faults, job="musher-train-2", trained_s=61) is not None
    assert take(faults, job="musher-train-2", trained_s=300) is None
    assert faults.describe()[0]["fired"] == 2


def test_the_first_rule_that_applies_is_taken() -> None:
    faults = with_rules({"job": "job", "capacity_after_s": 1}, {"job": "job", "capacity_after_s": 2})
    taken = [take(faults, job="job", trained_s=0) for _ in range(3)]
    assert [rule.capacity_after_s for rule in taken if rule is not None] == [1, 2]
    assert faults.clear() == 2
    assert faults.describe() == []


def test_a_posted_rule_has_defaults() -> None:
    (rule,) = with_rules({"job": "a", "id": "r"}).describe()
    assert rule == {
        "id": "r",
        "kind": "spot_interruption",
        "job": "a",
        "times": 1,
        "after_s": 0,
        "capacity_after_s": 0,
        "calls": 0,
        "fired": 0,
    }


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
        parse_rule(read_document(body))


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("after_s", -1, "after_s is -1; it must be a number of AWS seconds from 0 to 3"),
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
        ("kind", "earthquake", "kind is 'earthquake'; it must be one of throttle, error,"),
        ("kind", None, "kind is None"),
        ("fired", 3, "unknown member 'fired'; a rule of this kind has after_s, capacity_after_s, id, job"),
        ("nth", 3, "unknown member 'nth'"),
        ("service", "s3", "unknown member 'service'"),
        ("id", "a/b", "id is 'a/b'; it must be 1 to 64 of A-Z"),
    ],
)
def test_a_member_that_makes_no_sense_is_named_with_what_it_must_be(
    member: str, value: object, message: str
) -> None:
    rule = {"kind": "spot_interruption", "job": "a", member: value}
    with pytest.raises(FaultRuleError, match=re.escape(message)):
        parse_rule(rule)


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[" * 100_000, b'{"a": ' * 100_000, b"1" * 5000, b'"text"', b"null"]
)
def test_what_is_no_json_object_is_refused_whatever_it_is(body: bytes) -> None:
    with pytest.raises(FaultRuleError, match="the body"):
        parse_rule(read_document(body))


def test_jobs_that_ask_at_once_are_interrupted_no_more_often_than_the_rule_says() -> None:
    faults = with_rules({"job": "job", "times": 3})
    with ThreadPoolExecutor(max_workers=8) as pool:
        taken = list(pool.map(lambda _: take(faults, job="job-1", trained_s=1), range(64)))
    assert sum(rule is not None for rule in taken) == 3
