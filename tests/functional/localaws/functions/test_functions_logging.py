"""Logs as LoggingConfig asks for them: JSON, levels, and a group of another name."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

LOG = """
import logging
logger = logging.getLogger("dogs")
def handler(event, context):
    logger.debug("too fine")
    logger.info("a dog", extra={"unused": 1})
    if event.get("fail"):
        raise RuntimeError("no dog")
    print("as it is")
"""
CONFIG = {"LogFormat": "JSON"}


def json_lines(log: str) -> list[dict[str, Any]]:
    """Return the lines that are objects."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def test_json_logs_hold_events_of_lambda_and_of_the_function(on_each_client: Any) -> None:
    name = on_each_client.create(LOG, LoggingConfig=CONFIG)
    answer = on_each_client.invoke(name, {})
    start, record, report = json_lines(answer.log)
    assert start["type"] == "platform.start"
    assert start["record"] == {"requestId": answer.request_id, "version": "$LATEST"}
    assert (record["level"], record["message"], record["logger"]) == ("INFO", "a dog", "dogs")
    assert record["requestId"] == answer.request_id
    assert (report["type"], report["record"]["status"]) == ("platform.report", "success")
    assert report["record"]["metrics"]["memorySizeMB"] == 128
    assert report["record"]["metrics"]["initDurationMs"] > 0
    assert "as it is" in answer.log.splitlines()
    assert "RequestId:" not in answer.log
    (first, *_) = on_each_client.log_events(name)
    assert json.loads(first)["type"] == "platform.initStart"


def test_levels_leave_out_what_went_well(on_each_client: Any) -> None:
    levels = {"ApplicationLogLevel": "DEBUG", "SystemLogLevel": "WARN"}
    name = on_each_client.create(LOG, LoggingConfig=CONFIG | levels)
    lines = json_lines(on_each_client.invoke(name, {}).log)
    assert [line.get("message") for line in lines] == ["too fine", "a dog"]
    failed = on_each_client.invoke(name, {"fail": True})
    *_, error, report = json_lines(failed.log)
    assert failed.error == "Unhandled"
    assert error["errorType"] == "RuntimeError"
    assert error["errorMessage"] == "no dog"
    assert report["record"]["status"] == "error"


@pytest.mark.parametrize("level", ["WARN", "FATAL"])
def test_a_high_level_silences_the_logger(on_each_client: Any, level: str) -> None:
    name = on_each_client.create(LOG, LoggingConfig=CONFIG | {"ApplicationLogLevel": level})
    assert "a dog" not in on_each_client.invoke(name, {}).log


def test_a_timeout_is_a_report_of_its_own_status(functions: Any) -> None:
    sleeping = "import time\ndef handler(event, context):\n    time.sleep(60)\n"
    name = functions.create(sleeping, LoggingConfig=CONFIG, Timeout=1)
    *_, report = json_lines(functions.invoke(name).log)
    assert (report["record"]["status"], report["record"]["errorType"]) == ("timeout", "Sandbox.Timedout")


def test_a_failed_initialisation_is_reported(functions: Any) -> None:
    name = functions.create("import no_such_module\n", LoggingConfig=CONFIG)
    *_, report = json_lines(functions.invoke(name).log)
    assert (report["type"], report["record"]["status"]) == ("platform.initReport", "error")
    assert report["record"]["errorType"] == "Runtime.ImportModuleError"


def test_logs_may_go_to_another_group(functions: Any) -> None:
    group = f"/dogs/{uuid.uuid4().hex}"
    source = "import os\ndef handler(event, context):\n    return os.environ['AWS_LAMBDA_LOG_GROUP_NAME']\n"
    name = functions.create(source, LoggingConfig={"LogGroup": group})
    assert functions.invoke(name).json == group
    logs = functions.server.client("logs")
    events = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
    assert events[0].startswith("INIT_START")
    groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
    assert groups == []


def test_the_next_event_after_a_change_is_logged_anew(functions: Any) -> None:
    name = functions.create(LOG)
    assert functions.invoke(name, {}).log.startswith("START RequestId:")
    functions.lam.update_function_configuration(FunctionName=name, LoggingConfig=CONFIG)
    functions.lam.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert functions.invoke(name, {}).log.startswith('{"time"')


def test_text_has_no_levels(functions: Any) -> None:
    with pytest.raises(
        ClientError, match='LogLevel is not supported when LogFormat is set to "Text"'
    ) as error:
        functions.create(LOG, LoggingConfig={"LogFormat": "Text", "SystemLogLevel": "WARN"})
    assert error.value.response["Error"]["Code"] == "InvalidParameterValueException"
