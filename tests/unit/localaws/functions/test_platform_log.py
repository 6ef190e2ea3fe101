"""What Lambda writes to a log, line by line, in both formats."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localaws.functions import invocations
from localaws.functions.invocations import Outcome, Usage
from localaws.functions.output import FunctionLog
from localaws.functions.platform_log import open_log
from localaws.functions.spec import EnvironmentSpec

SPEC = EnvironmentSpec(
    account_id="123456789012",
    region="us-east-1",
    function_name="dogs",
    version="3",
    handler="app.handler",
    role="arn:aws:iam::123456789012:role/r",
    runtime="python3.11",
    memory_mb=128,
    timeout_s=3.0,
    variables=(),
    task_root=Path("/code"),
)
USAGE = Usage(duration_ms=12.3456, init_ms=100.5, memory_limit_mb=128, memory_used_mb=40)
SUCCESS = Outcome(payload=b"1")
TIMEOUT = invocations.timed_out(request_id="r", timeout_s=3.0)
EXIT = invocations.exited(request_id="r", code=1)
ERROR = invocations.runtime_error(b"{}", error_type="RuntimeError")


class Stream:
    """A log stream in memory."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        """Keep one event."""
        self.lines.append(line)


def written(spec: EnvironmentSpec, outcome: Outcome, usage: Usage = USAGE) -> tuple[list[str], str]:
    """Return the events of one cold invocation, and what LogResult has of them."""
    stream = Stream()
    log = FunctionLog(stream)
    platform = open_log(log, spec)
    platform.begin_init("3.11.9")
    platform.start("r")
    platform.report("r", usage=usage, outcome=outcome)
    return stream.lines, log.take_tail().decode()


def records(spec: EnvironmentSpec, outcome: Outcome) -> list[tuple[str, dict[str, Any]]]:
    """Return kind and record of each JSON event."""
    found = [json.loads(line) for line in written(spec, outcome)[0]]
    assert all(event["time"].endswith("Z") for event in found)
    return [(event["type"], event["record"]) for event in found]


def test_text_has_four_lines_for_a_success() -> None:
    init, start, end, report = written(SPEC, SUCCESS)[0]
    assert init == "INIT_START Runtime Version: python3.11 (run by Python 3.11.9)"
    assert (start, end) == ("START RequestId: r Version: 3", "END RequestId: r")
    assert report.split("\t")[:3] == ["REPORT RequestId: r", "Duration: 12.35 ms", "Billed Duration: 113 ms"]


def test_log_result_begins_with_the_event() -> None:
    assert written(SPEC, SUCCESS)[1].startswith("START RequestId: r")
    assert json.loads(written(replace(SPEC, log_format="JSON"), SUCCESS)[1].splitlines()[0])["type"] == (
        "platform.start"
    )


def test_text_says_why_an_event_ended_early() -> None:
    assert written(SPEC, TIMEOUT)[0][2].endswith(" r Task timed out after 3.00 seconds")
    assert written(SPEC, EXIT)[0][2] == (
        "RequestId: r Error: Runtime exited with error: exit status 1\nRuntime.ExitError"
    )
    assert written(SPEC, ERROR)[0][-1].endswith("Status: error\tError Type: RuntimeError\t")


def test_json_has_the_same_as_records() -> None:
    (_, init), (_, start), (_, report) = records(replace(SPEC, log_format="JSON"), SUCCESS)
    assert (init["phase"], init["initializationType"], init["functionVersion"]) == ("init", "on-demand", "3")
    assert start == {"requestId": "r", "version": "3"}
    assert report == {
        "requestId": "r",
        "metrics": {
            "durationMs": 12.346,
            "billedDurationMs": 113,
            "memorySizeMB": 128,
            "maxMemoryUsedMB": 40,
            "initDurationMs": 100.5,
        },
        "status": "success",
    }


def test_a_warm_start_has_no_init_duration() -> None:
    spec, usage = replace(SPEC, log_format="JSON"), replace(USAGE, init_ms=None)
    report = json.loads(written(spec, SUCCESS, usage)[0][-1])
    assert "initDurationMs" not in report["record"]["metrics"]
    assert "Init Duration" not in written(SPEC, SUCCESS, usage)[0][-1]


@pytest.mark.parametrize(
    ("outcome", "status", "error_type"),
    [
        (TIMEOUT, "timeout", "Sandbox.Timedout"),
        (EXIT, "error", "Runtime.ExitError"),
        (ERROR, "error", "RuntimeError"),
    ],
)
def test_warn_writes_only_what_went_wrong(outcome: Outcome, status: str, error_type: str) -> None:
    quiet = replace(SPEC, log_format="JSON", system_log_level="WARN")
    assert records(quiet, SUCCESS) == []
    ((kind, report),) = records(quiet, outcome)
    assert (kind, report["status"], report["errorType"]) == ("platform.report", status, error_type)


@pytest.mark.parametrize("error_type", ["Runtime.ImportModuleError", None])
def test_a_failed_initialisation_is_told_in_both_formats(error_type: str | None) -> None:
    stream = Stream()
    open_log(FunctionLog(stream), SPEC).end_init(status="error", error_type=error_type)
    open_log(FunctionLog(stream), replace(SPEC, log_format="JSON")).end_init(
        status="error", error_type=error_type
    )
    text, record = stream.lines[0], json.loads(stream.lines[1])["record"]
    assert text == "INIT_REPORT Phase: init\tStatus: error" + (
        f"\tError Type: {error_type}" if error_type else ""
    )
    assert (record["status"], record.get("errorType")) == ("error", error_type)
