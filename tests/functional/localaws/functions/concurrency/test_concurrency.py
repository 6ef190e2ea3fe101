"""Reserved and provisioned concurrency: what is refused, what is started ahead, what spills over."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

TELL = """
import os, time
STARTED = os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
def handler(event, context):
    time.sleep(event.get("s", 0))
    if event.get("dies"):
        os._exit(1)
    return [context.log_stream_name, STARTED, context.function_version]
"""
BROKEN = "raise RuntimeError('at import')\ndef handler(event, context):\n    return 1\n"
PATIENCE_S = 60.0
"""Real seconds that a slow machine gets."""
PROVISIONED = "provisioned-concurrency"


@pytest.fixture
def name(functions: Any) -> str:
    """A function with a version and an alias of it."""
    made = functions.create(TELL, Publish=True, Timeout=30)
    functions.lam.create_alias(FunctionName=made, Name="live", FunctionVersion="1")
    return str(made)


def put(functions: Any, name: str, qualifier: str, wanted: int) -> Any:
    """Ask for provisioned concurrency."""
    return functions.lam.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=wanted
    )


def wait(functions: Any, name: str, qualifier: str) -> Any:
    """Return the configuration once it is no more in progress."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = functions.lam.get_provisioned_concurrency_config(FunctionName=name, Qualifier=qualifier)
        if found["Status"] != "IN_PROGRESS":
            return found
        time.sleep(0.1)
    raise AssertionError("still in progress")


def counts(config: Any) -> list[int]:
    """Return what is requested, allocated and available."""
    return [
        config[f"{word}ProvisionedConcurrentExecutions"] for word in ("Requested", "Allocated", "Available")
    ]


def pids(functions: Any, name: str) -> set[int]:
    """Return the processes of a function."""
    return {child["pid"] for child in functions.server.children() if child["name"] == f"lambda-{name}"}


def test_environments_are_started_before_there_is_an_event(functions: Any, name: str) -> None:
    answer = put(functions, name, "live", 2)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert (answer["Status"], counts(answer)) == ("IN_PROGRESS", [2, 0, 0])
    ready = wait(functions, name, "live")
    assert (ready["Status"], counts(ready)) == ("READY", [2, 2, 2])
    assert len(pids(functions, name)) == 2
    stream, kind, version = functions.invoke(name, {}, Qualifier="live").json
    assert (kind, version, "[1]" in stream) == (PROVISIONED, "1", True)
    assert len(pids(functions, name)) == 2, "nothing was started for the event"
    assert functions.invoke(name, {}).json[1] == "on-demand", "$LATEST has nothing provisioned"


def test_the_warm_ones_first_then_cold_ones_then_throttles(functions: Any, name: str) -> None:
    """Reserved 3 of which 2 are provisioned: two warm, one cold, and the fourth is refused."""
    functions.lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=3)
    put(functions, name, "live", 2)
    wait(functions, name, "live")
    with ThreadPoolExecutor(4) as executor:
        running = []
        for _ in range(3):
            running.append(executor.submit(functions.invoke, name, {"s": 4}, Qualifier="live"))
            time.sleep(0.3)
        with pytest.raises(ClientError, match="Rate Exceeded") as error:
            functions.invoke(name, {}, Qualifier="live")
        kinds = [future.result().json[1] for future in running]
    assert sorted(kinds) == ["on-demand", PROVISIONED, PROVISIONED]
    assert error.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def metrics(functions: Any, name: str, *names: str, qualifier: str) -> list[float | None]:
    """Return the highest values of metrics of an alias or version, of all time."""
    client = functions.server.client("cloudwatch")
    dimensions = {"FunctionName": name, "Resource": f"{name}:{qualifier}"}
    now = datetime.now(UTC)

    def highest(metric: str) -> float | None:
        found = client.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(hours=1),
            Period=7200,
            Statistics=["Maximum", "Sum"],
        )["Datapoints"]
        kind = "Sum" if metric.endswith("Invocations") else "Maximum"
        return float(found[0][kind]) if found else None

    return [highest(metric) for metric in names]


@pytest.mark.parametrize("qualifier", ["live", "1"])
def test_what_spills_over_is_seen_in_the_metrics(functions: Any, name: str, qualifier: str) -> None:
    """Without this one an alias that has too little provisioned is cold, and nobody knows."""
    put(functions, name, qualifier, 1)
    wait(functions, name, qualifier)
    with ThreadPoolExecutor(2) as executor:
        first = executor.submit(functions.invoke, name, {"s": 3}, Qualifier="live")
        time.sleep(0.5)
        assert functions.invoke(name, {}, Qualifier="live").json[1] == "on-demand"
        assert first.result().json[1] == PROVISIONED
    kept = "ProvisionedConcurrency"
    assert metrics(
        functions,
        name,
        f"{kept}Invocations",
        f"{kept}SpilloverInvocations",
        f"{kept}Utilization",
        "ProvisionedConcurrentExecutions",
        qualifier=qualifier,
    ) == [1, 1, 1, 1]


def test_ten_requests_a_second_are_taken_for_each_execution_that_is_reserved(
    functions: Any, name: str
) -> None:
    functions.lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    functions.invoke(name, {})

    def flood() -> None:
        for _ in range(300):
            functions.invoke(name, {})

    with pytest.raises(ClientError, match="Rate Exceeded") as error:
        flood()
    assert error.value.response["Reason"] == "ReservedFunctionInvocationRateLimitExceeded"
    time.sleep(1)
    assert functions.invoke(name, {}).json[1] == "on-demand"


def test_a_provisioned_environment_that_is_asked_too_often_spills_over(functions: Any, name: str) -> None:
    put(functions, name, "live", 1)
    wait(functions, name, "live")
    kinds = [functions.invoke(name, {}, Qualifier="live").json[1] for _ in range(40)]
    assert kinds[:10] == [PROVISIONED] * 10
    assert "on-demand" in kinds


def test_where_all_is_provisioned_the_rest_is_throttled(functions: Any, name: str) -> None:
    functions.lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    put(functions, name, "1", 1)
    wait(functions, name, "1")
    with pytest.raises(ClientError, match="Rate Exceeded") as error:
        functions.invoke(name, {})
    assert error.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert functions.invoke(name, {}, Qualifier="1").json[1] == PROVISIONED
    assert functions.invoke(name, {}, Qualifier="live").json[1] == PROVISIONED, "its version's"


def test_a_function_that_cannot_be_initialised_is_not_provisioned(functions: Any) -> None:
    name = functions.create(BROKEN, Publish=True)
    put(functions, name, "1", 1)
    failed = wait(functions, name, "1")
    assert (failed["Status"], failed["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    assert counts(failed) == [1, 0, 0]
    assert pids(functions, name) == set()


def test_fewer_and_none_at_all_end_what_was_started(functions: Any, name: str) -> None:
    put(functions, name, "1", 2)
    wait(functions, name, "1")
    put(functions, name, "1", 1)
    assert counts(wait(functions, name, "1")) == [1, 1, 1]
    listed = functions.lam.list_provisioned_concurrency_configs(FunctionName=name)
    assert [
        config["FunctionArn"].rpartition(":")[2] for config in listed["ProvisionedConcurrencyConfigs"]
    ] == ["1"]
    functions.lam.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="1")
    with pytest.raises(
        ClientError, match="No Provisioned Concurrency Config found for this function"
    ) as error:
        functions.lam.get_provisioned_concurrency_config(FunctionName=name, Qualifier="1")
    assert error.value.response["Error"]["Code"] == "ProvisionedConcurrencyConfigNotFoundException"
    deadline = time.monotonic() + PATIENCE_S
    while pids(functions, name) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert pids(functions, name) == set()


def test_an_alias_that_moves_takes_its_concurrency_along(functions: Any, name: str) -> None:
    functions.update(name, TELL + "# changed\n")
    functions.lam.publish_version(FunctionName=name)
    put(functions, name, "live", 1)
    wait(functions, name, "live")
    functions.lam.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
    wait(functions, name, "live")
    assert functions.invoke(name, {}, Qualifier="live").json[1:] == [PROVISIONED, "2"]


def test_what_dies_is_started_again(fast_functions: Any) -> None:
    """Within a minute of AWS: two seconds here."""
    name = fast_functions.create(TELL, Publish=True)
    put(fast_functions, name, "1", 1)
    wait(fast_functions, name, "1")
    first = fast_functions.invoke(name, {}, Qualifier="1").json[0]
    assert fast_functions.invoke(name, {"dies": True}, Qualifier="1").error == "Unhandled"
    deadline, kind = time.monotonic() + PATIENCE_S, ""
    while kind != PROVISIONED and time.monotonic() < deadline:
        second, kind, _ = fast_functions.invoke(name, {}, Qualifier="1").json
        time.sleep(0.2)
    assert (second != first, kind) == (True, PROVISIONED)


@pytest.mark.parametrize(
    ("qualifier", "wanted", "code", "message"),
    [
        (
            "$LATEST",
            1,
            "InvalidParameterValueException",
            "cannot be applied to unpublished",
        ),
        ("no-such", 1, "ResourceNotFoundException", "Cannot find alias arn"),
        ("9", 1, "ResourceNotFoundException", "Function not found"),
        (
            "1",
            901,
            "InvalidParameterValueException",
            "below its minimum value of",
        ),
        ("1", 1001, "InvalidParameterValueException", "greater than account's unreserved concurrency"),
    ],
)
def test_what_cannot_be_provisioned_is_refused(
    functions: Any, name: str, qualifier: str, wanted: int, code: str, message: str
) -> None:
    with pytest.raises(ClientError, match=message) as error:
        put(functions, name, qualifier, wanted)
    assert error.value.response["Error"]["Code"] == code


def test_a_version_is_provisioned_once(functions: Any, name: str) -> None:
    put(functions, name, "1", 1)
    with pytest.raises(ClientError, match="Alias can't be used for Provisioned Concurrency") as error:
        put(functions, name, "live", 1)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    functions.lam.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="1")
    put(functions, name, "live", 1)
    with pytest.raises(ClientError, match="Version is pointed by a Provisioned Concurrency alias"):
        put(functions, name, "1", 1)
    functions.lam.delete_alias(FunctionName=name, Name="live")
    listed = functions.lam.list_provisioned_concurrency_configs(FunctionName=name)
    assert listed["ProvisionedConcurrencyConfigs"] == []


def test_two_aliases_do_not_share_what_is_provisioned(functions: Any, name: str) -> None:
    lam = functions.lam
    lam.create_alias(FunctionName=name, Name="next", FunctionVersion="1")
    put(functions, name, "live", 1)
    with pytest.raises(ClientError, match="Alias can't be used for Provisioned Concurrency") as error:
        put(functions, name, "next", 1)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    put(functions, name, "live", 2)
    functions.update(name, TELL + "# changed\n")
    lam.publish_version(FunctionName=name)
    lam.update_alias(FunctionName=name, Name="next", FunctionVersion="2")
    put(functions, name, "next", 1)
    with pytest.raises(ClientError, match="Alias can't be used for Provisioned Concurrency"):
        lam.update_alias(FunctionName=name, Name="next", FunctionVersion="1")
    assert lam.get_alias(FunctionName=name, Name="next")["FunctionVersion"] == "2"
    lam.update_alias(FunctionName=name, Name="next", FunctionVersion="2", Description="the same")


def test_reserved_and_provisioned_go_together(functions: Any, name: str) -> None:
    lam = functions.lam
    lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    with pytest.raises(ClientError, match="should not be greater than the reservedConcurrentExecution"):
        put(functions, name, "1", 2)
    lam.delete_function_concurrency(FunctionName=name)
    assert "ReservedConcurrentExecutions" not in lam.get_function_concurrency(FunctionName=name)
    put(functions, name, "1", 2)
    with pytest.raises(ClientError) as error:
        lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    assert error.value.response["Error"]["Message"] == (
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned "
        "concurrency [2]."
    )


def test_reserving_for_what_is_not_there_names_latest(functions: Any) -> None:
    with pytest.raises(ClientError, match=r"Function not found: .*:no-such:\$LATEST"):
        functions.lam.put_function_concurrency(FunctionName="no-such", ReservedConcurrentExecutions=1)


def test_the_account_tells_what_is_left(functions: Any, name: str) -> None:
    before = functions.lam.get_account_settings()
    functions.lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=7)
    after = functions.lam.get_account_settings()
    left = "UnreservedConcurrentExecutions"
    assert before["AccountLimit"][left] - after["AccountLimit"][left] == 7
    assert after["AccountLimit"]["ConcurrentExecutions"] == 1000
    functions.create(TELL)
    assert functions.lam.get_account_settings()["AccountUsage"]["FunctionCount"] == (
        after["AccountUsage"]["FunctionCount"] + 1
    )


def test_an_alias_of_latest_is_not_provisioned(functions: Any, name: str) -> None:
    unpublished = "cannot be applied to unpublished"
    functions.lam.update_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST")
    with pytest.raises(ClientError, match=unpublished):
        put(functions, name, "live", 1)
    functions.lam.update_alias(FunctionName=name, Name="live", FunctionVersion="1")
    put(functions, name, "live", 1)
    with pytest.raises(ClientError, match=unpublished):
        functions.lam.update_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST")
    assert functions.lam.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "1"
