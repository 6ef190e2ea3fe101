"""The routes to the rules, and the file of rules that localaws starts with."""

import re
from pathlib import Path
from typing import Any

import pytest

from localaws.errors import FaultRuleError
from localaws.faults.children import find_victims
from localaws.faults.client import said
from localaws.faults.service import load_faults
from localaws.faults.spec import Kill

SPOT = {"kind": "spot_interruption", "job": "a"}


def test_rules_are_posted_listed_in_their_order_and_forgotten(client: Any) -> None:
    for job in ("a", "b"):
        status, rule = client.send("POST", SPOT | {"job": job})
        assert (status, rule["job"], rule["fired"]) == (201, job, 0)
    listed = client.send("GET")[1]["rules"]
    assert [rule["job"] for rule in listed] == ["a", "b"]
    assert listed[0]["id"] != listed[1]["id"]
    assert client.faults.describe() == listed
    assert client.send("DELETE", path=f"/{listed[0]['id']}") == (200, {"cleared": 1})
    assert client.send("GET") == (200, {"rules": [listed[1]], "api_limits": []})
    assert client.send("DELETE") == (200, {"cleared": 1})
    assert client.send("DELETE") == (200, {"cleared": 0})


def test_rules_that_are_put_take_the_place_of_all_others(client: Any) -> None:
    client.send("POST", SPOT)
    status, document = client.send("PUT", {"rules": [SPOT | {"id": "b"}], "api_limits": "aws"})
    assert status == 200
    assert [rule["id"] for rule in document["rules"]] == ["b"]
    assert document["api_limits"][0]["actions"] == ["ListTrainingJobs"]
    assert client.send("PUT", {"rules": []})[1] == {"rules": [], "api_limits": []}


@pytest.mark.parametrize(
    ("method", "document", "message"),
    [
        ("POST", SPOT | {"times": -1}, "times is -1; it must be a whole number from 1"),
        ("POST", b"{", "the body is not JSON"),
        ("PUT", {"rules": [SPOT | {"times": -1}]}, "rules[0].times is -1"),
        ("PUT", [], "the body must be a JSON object"),
    ],
)
def test_a_refused_rule_is_a_validation_error_and_changes_nothing(
    client: Any, method: str, document: Any, message: str
) -> None:
    client.send("POST", SPOT | {"id": "kept"})
    status, error = client.send(method, document)
    assert (status, error["__type"]) == (400, "ValidationException")
    assert message in error["message"]
    assert [rule["id"] for rule in client.send("GET")[1]["rules"]] == ["kept"]


def test_a_rule_that_is_not_there_cannot_be_forgotten(client: Any) -> None:
    status, error = client.send("DELETE", path="/none")
    assert (status, error["message"]) == (404, "there is no fault rule 'none'")


def test_a_child_is_killed_at_once(client: Any) -> None:
    order = {"kind": "kill", "child": "job_host", "name": "job-*", "id": "now"}
    status, answer = client.send("POST", order)
    assert (status, answer["killed"]) == (201, ["job-a/algo-1"])
    assert [child.code for child in client.supervisor.children] == [-9, None, None, None, None]
    (event,) = client.send("GET", path="/fired")[1]["fired"]
    assert (event["rule"], event["kind"], event["call"]) == ("now", "kill", 0)
    assert event["outcome"] == "killed job-a/algo-1"
    assert client.send("POST", order)[1]["killed"] == ["job-a/algo-2"]


def test_where_there_is_nothing_to_kill_what_runs_is_named(client: Any) -> None:
    status, error = client.send("POST", {"kind": "kill", "child": "endpoint_instance", "name": "cats"})
    assert status == 400
    assert error["message"] == (
        "name is 'cats'; no endpoint_instance matches it; running: endpoint dogs blue/i-1"
    )
    assert client.send("GET", path="/fired")[1] == {"fired": []}


@pytest.mark.parametrize(
    ("child", "name", "count", "killed"),
    [
        ("job_host", "*", 1, ["job-a/algo-1"]),
        ("job_host", "*", 5, ["job-a/algo-1", "job-a/algo-2"]),
        ("job_host", "job-a/algo-2", 1, ["job-a/algo-2"]),
        ("endpoint_instance", "dogs", 1, ["endpoint dogs blue/i-1"]),
        ("execution_environment", "re*", 1, ["lambda-resize"]),
        ("execution_environment", "*", 9, ["lambda-resize"]),
        ("transform_instance", "*", 1, []),
    ],
)
def test_children_are_found_by_what_they_are_and_whose(
    client: Any, child: str, name: str, count: int, killed: list[str]
) -> None:
    found = find_victims(client.supervisor.running(), Kill(child=child, name=name, count=count))
    assert [each.name for each in found] == killed


def test_localaws_starts_with_the_rules_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text('{"rules": [{"kind": "throttle", "service": "s3"}]}')
    faults = load_faults(path, with_api_limits=False)
    assert [rule["service"] for rule in faults.describe()] == ["s3"]
    assert faults.describe_rates() == []
    assert load_faults(path, with_api_limits=True).describe_rates()
    assert not load_faults(None, with_api_limits=False).is_active


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"rules": [{"kind": "quake"}]}', "--faults {}: rules[0].kind is 'quake'"),
        ("no JSON", "--faults {}: the body is not JSON"),
        (None, "--faults {} cannot be read: No such file"),
    ],
)
def test_a_file_that_makes_no_rules_is_named(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "rules.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(FaultRuleError, match=re.escape(message.format(path))):
        load_faults(path, with_api_limits=False)


@pytest.mark.parametrize(
    ("body", "message"), [(b'{"message": "no"}', "no"), (b"[]", ""), (b"<html>", ""), (b"", "")]
)
def test_the_client_tells_what_an_error_says(body: bytes, message: str) -> None:
    assert said(body) == message
