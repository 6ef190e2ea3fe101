"""Who may look at the status page, and what it shows."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest


def get(localaws: Any, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Return status, headers and text of a GET."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{localaws.url}{path}", headers=sent)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read().decode()


def test_the_page_is_served_with_its_policy(localaws: Any) -> None:
    code, headers, text = get(localaws, "/_localaws/")
    assert (code, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "<title>localaws</title>" in text
    assert get(localaws, "/_localaws")[2] == text  # it leads there


def test_a_link_on_another_page_may_open_it_and_nothing_else(localaws: Any) -> None:
    visit = {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert get(localaws, "/_localaws/", **visit)[0] == 200
    assert get(localaws, "/_localaws/status", **visit)[0] == 403
    assert get(localaws, "/_localaws/", **visit | {"Sec_Fetch_Dest": "iframe"})[0] == 403
    assert get(localaws, "/_localaws/", Origin="https://evil.example")[0] == 403
    assert get(localaws, "/_localaws/", Host="evil.example")[0] == 403


def test_what_each_service_says_of_itself_is_gathered(localaws: Any) -> None:
    localaws.client("cloudwatch").put_metric_alarm(
        AlarmName="on-the-page",
        Namespace="n",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=2,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    code, headers, text = get(localaws, "/_localaws/status")
    shown = json.loads(text)
    assert (code, headers["content-type"]) == (200, "application/json")
    assert {"jobs", "endpoints", "functions", "alarms", "faults", "lines", "children"} <= set(shown)
    assert shown["endpoint_url"] == localaws.url
    (alarm,) = [row for row in shown["alarms"] if row["name"] == "on-the-page"]
    assert (alarm["status"], alarm["metric"]) == ("INSUFFICIENT_DATA", "Sum m")
    assert alarm["rule"] == "GreaterThanThreshold 1, 2 of 2 periods of 60 s"


@pytest.mark.parametrize("place", [("123456789012", "aa-bbb-1"), ("000000000000", "us-east-1")])
def test_a_log_of_nowhere_has_no_lines(localaws: Any, place: tuple[str, str]) -> None:
    code, _, text = get(localaws, "/_localaws/logs?group=g&account_id={}&region={}".format(*place))
    assert (code, json.loads(text)) == (200, {"lines": []})


@pytest.mark.parametrize("query", ["", "group=", "prefix=p&account_id=123456789012&region=us-east-1"])
def test_lines_of_no_group_are_refused(localaws: Any, query: str) -> None:
    code, _, text = get(localaws, f"/_localaws/logs?{query}")
    assert (code, json.loads(text)["message"]) == (400, "group must be given")


def test_a_log_is_found_by_its_group_and_the_beginning_of_its_streams(localaws: Any) -> None:
    logs, group = localaws.client("logs"), "/status/lines"
    logs.create_log_group(logGroupName=group)
    now_ms = int(time.time() * 1000)
    for number, stream in enumerate(("a/1", "a/2", "b/1")):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        event = {"timestamp": now_ms - number, "message": f"of {stream}"}
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])
    queries = {
        f"group={group}": ["of b/1", "of a/2", "of a/1"],
        f"group={group}&prefix=a/": ["of a/2", "of a/1"],
        f"group={group}&prefix=a/&region=us-east-1": ["of a/2", "of a/1"],
        f"group={group}&region=eu-west-1": [],
        f"group={group}s": [],
    }
    for query, wanted in queries.items():
        shown = json.loads(get(localaws, f"/_localaws/logs?{query}")[2])["lines"]
        assert [line["message"] for line in shown] == wanted, query
