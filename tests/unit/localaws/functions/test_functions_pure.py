"""The parts of Lambda that are words and numbers: names, states, limits, payloads, log lines."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from moto.awslambda.exceptions import (
    InvalidParameterValueException,
    LambdaClientError,
    ValidationException,
)

from localaws.functions import arns, invocations, states, validation
from localaws.functions.arns import FunctionReference
from localaws.functions.concurrency.slots import Allowance, Concurrency
from localaws.functions.errors import InvalidRequestContentError, ThrottledError
from localaws.functions.invocations import Outcome, Usage
from localaws.functions.spec import EnvironmentSpec, Runtime, isolated, runtime_variables


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dogs", FunctionReference(name="dogs")),
        ("dogs:live", FunctionReference(name="dogs", qualifier="live")),
        ("dogs%3A%24LATEST", FunctionReference(name="dogs", qualifier="$LATEST")),
        (
            "123456789012:function:dogs",
            FunctionReference(name="dogs", qualifier=None, account_id="123456789012"),
        ),
        (
            "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Adogs%3A7",
            FunctionReference(name="dogs", qualifier="7", account_id="123456789012", region="eu-west-1"),
        ),
        (
            "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:dogs",
            FunctionReference(name="dogs", qualifier=None, account_id="123456789012", region="us-gov-west-1"),
        ),
    ],
)
def test_every_form_of_a_name_is_read(text: str, expected: FunctionReference) -> None:
    assert arns.parse_reference(text, qualifier=None) == expected


def test_the_qualifier_may_come_beside_the_name() -> None:
    assert arns.parse_reference("dogs", qualifier="live") == FunctionReference(name="dogs", qualifier="live")
    assert arns.parse_reference("dogs:live", qualifier="live") == FunctionReference(
        name="dogs", qualifier="live"
    )


@pytest.mark.parametrize(
    ("text", "qualifier", "member"),
    [
        ("do gs", None, "functionName"),
        ("", None, "functionName"),
        ("d" * 141, None, "functionName"),
        ("dogs", "a b", "qualifier"),
        ("dogs", "q" * 129, "qualifier"),
    ],
)
def test_a_name_that_is_none_is_refused(text: str, qualifier: str | None, member: str) -> None:
    with pytest.raises(ValidationException, match=f"at '{member}' failed to satisfy constraint"):
        arns.parse_reference(text, qualifier=qualifier)


def test_two_qualifiers_must_be_the_same() -> None:
    with pytest.raises(InvalidParameterValueException, match="derived qualifier"):
        arns.parse_reference("dogs:1", qualifier="2")


def test_an_arn_has_the_qualifier_that_was_named() -> None:
    target = arns.Target(account_id="123456789012", region="us-east-1", name="dogs")
    arn = "arn:aws:lambda:us-east-1:123456789012:function:dogs"
    assert (target.arn(), target.qualified_arn()) == (arn, f"{arn}:$LATEST")
    assert replace(target, qualifier="live").arn() == f"{arn}:live"


def test_the_caller_is_read_from_the_signature() -> None:
    header = "AWS4-HMAC-SHA256 Credential=AKIDX/20260101/eu-west-1/lambda/aws4_request, SignedHeaders=host"
    assert arns.parse_caller(header) == arns.Caller(access_key="AKIDX", region="eu-west-1")
    assert arns.parse_caller("") == arns.Caller(access_key=None, region=None)


def test_a_client_context_must_be_base64_of_json() -> None:
    assert json.loads(arns.decode_client_context("eyJhIjoxfQ==")) == {"a": 1}
    with pytest.raises(InvalidRequestContentError, match="client context"):
        arns.decode_client_context("no!")


def test_states_move_only_along_the_table() -> None:
    assert states.step(states.FUNCTION, "Pending", "Active") == "Active"
    with pytest.raises(ValueError, match="no step from Active to Pending"):
        states.step(states.FUNCTION, "Active", "Pending")
    for table in (states.FUNCTION, states.UPDATE, states.ENVIRONMENT):
        assert {target for targets in table.values() for target in targets} <= table.keys()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "Runtime exited with error: exit status 1"),
        (-9, "Runtime exited with error: signal: killed"),
        (-11, "Runtime exited with error: signal: segmentation fault"),
        (-35, "Runtime exited with error: signal: signal 35"),
        (0, "Runtime exited without providing a reason"),
        (None, "Runtime exited without providing a reason"),
    ],
)
def test_an_exit_is_described_as_lambda_does(code: int | None, words: str) -> None:
    assert invocations.describe_exit(code) == words


def test_a_timeout_is_worded_as_lambda_does() -> None:
    outcome = invocations.timed_out(request_id="r-1", timeout_s=3)
    assert (outcome.error, outcome.status) == ("Unhandled", "timeout")
    expected = {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: r-1 Error: Task timed out after 3.00 seconds",
    }
    assert json.loads(outcome.payload) == expected


def test_the_report_of_a_cold_start_bills_the_initialisation() -> None:
    usage = Usage(duration_ms=1.21, init_ms=98.5, memory_limit_mb=128, memory_used_mb=36)
    assert usage.billed_ms == 100
    line = invocations.report_line(request_id="r-1", usage=usage, outcome=Outcome(payload=b"{}"))
    assert line == (
        "REPORT RequestId: r-1\tDuration: 1.21 ms\tBilled Duration: 100 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 36 MB\tInit Duration: 98.50 ms\t"
    )


def test_the_report_of_a_failure_says_which() -> None:
    usage = Usage(duration_ms=2.0, init_ms=None, memory_limit_mb=128, memory_used_mb=36)
    outcome = invocations.exited(request_id="r-1", code=1)
    line = invocations.report_line(request_id="r-1", usage=usage, outcome=outcome)
    assert line.endswith("Max Memory Used: 36 MB\tStatus: error\tError Type: Runtime.ExitError\t")
    assert invocations.exit_line(request_id="r-1", outcome=outcome) == (
        "RequestId: r-1 Error: Runtime exited with error: exit status 1\nRuntime.ExitError"
    )


def test_a_log_stream_is_named_by_day_and_version() -> None:
    name = invocations.stream_name(now=datetime(2026, 3, 4, tzinfo=UTC), version="$LATEST")
    assert name.startswith("2026/03/04/[$LATEST]")
    assert len(name) == len("2026/03/04/[$LATEST]") + 32


SPEC = EnvironmentSpec(
    account_id="123456789012",
    region="us-east-1",
    function_name="dogs",
    version="3",
    handler="app.handler",
    role="arn:aws:iam::123456789012:role/r",
    runtime="python3.11",
    log_group="/aws/lambda/dogs",
    memory_mb=128,
    timeout_s=3.0,
    variables=(("ENDPOINT_NAME", "dogs"), ("PYTHONPATH", "/opt/mine"), ("TZ", "Europe/Berlin")),
    task_root=Path("/code/x"),
    layers=(Path("/code/layer"),),
)


def test_the_variables_of_an_environment() -> None:
    runtime = Runtime(folder=Path("/runtime"), client="python")
    variables = runtime_variables(
        spec=SPEC,
        runtime=runtime,
        api_address="127.0.0.1:9",
        log_stream="s",
        temporary=Path("/t"),
        inherited={"PATH": "/bin", "LD_LIBRARY_PATH": "/lib/cuda"},
    )
    layer = "/code/layer/python/lib/python3.11/site-packages:/code/layer/python"
    assert variables["PYTHONPATH"] == f"/code/x:{layer}:/opt/mine:/runtime"
    assert variables["PATH"] == "/bin:/code/layer/bin"
    assert variables["LD_LIBRARY_PATH"] == "/code/x:/code/x/lib:/code/layer/lib:/lib/cuda"
    assert (variables["ENDPOINT_NAME"], variables["TZ"]) == ("dogs", "Europe/Berlin")
    assert variables["AWS_LAMBDA_RUNTIME_API"] == "127.0.0.1:9"
    assert variables["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/dogs"


def test_a_function_cannot_read_the_users_aws_configuration() -> None:
    seen = isolated({"HOME": "/home/me", "PATH": "/bin"})
    assert "HOME" not in seen
    assert (seen["PATH"], seen["AWS_CONFIG_FILE"], seen["AWS_SHARED_CREDENTIALS_FILE"]) == (
        "/bin",
        "/dev/null",
        "/dev/null",
    )


def allowance(*, reserved: int | None, unreserved: int = 2, name: str = "dogs") -> Allowance:
    """Return an allowance."""
    return Allowance(
        account_id="1", region="us-east-1", function_name=name, reserved=reserved, unreserved_limit=unreserved
    )


def test_a_reservation_is_a_functions_own() -> None:
    concurrency = Concurrency()
    with concurrency.slot(allowance(reserved=1)):
        with pytest.raises(ThrottledError) as error, concurrency.slot(allowance(reserved=1)):
            pytest.fail("a second slot was given")
        assert error.value.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
        with concurrency.slot(allowance(reserved=1, name="cats")):
            pass
    with concurrency.slot(allowance(reserved=1)):
        pass


def test_functions_without_a_reservation_share_the_rest() -> None:
    concurrency = Concurrency()
    with concurrency.slot(allowance(reserved=None)), concurrency.slot(allowance(reserved=None, name="cats")):
        third = allowance(reserved=None, name="birds")
        with pytest.raises(ThrottledError) as error, concurrency.slot(third):
            pytest.fail("a third slot was given")
    assert error.value.reason == "ConcurrentInvocationLimitExceeded"


@pytest.mark.parametrize(
    ("spec", "member"),
    [
        ({"Timeout": 901}, "timeout"),
        ({"MemorySize": 10_241}, "memorySize"),
        ({"EphemeralStorage": {"Size": 10_241}}, "ephemeralStorage.size"),
    ],
)
def test_what_the_model_allows_to_others_is_refused(spec: dict[str, Any], member: str) -> None:
    with pytest.raises(ValidationException, match=f"at '{member}' failed.* less than or equal to"):
        validation.check_configuration(spec)


@pytest.mark.parametrize("member", sorted(validation.ABSENT))
def test_what_would_run_otherwise_is_refused(member: str) -> None:
    with pytest.raises(InvalidParameterValueException, match=f"localaws does not implement {member}"):
        validation.check_configuration({member: {}})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dogs", "dogs"),
        ("function:dogs", "dogs"),
        ("123456789012:function:dogs", "dogs"),
        ("arn:aws:lambda:us-east-1:123456789012:function:dogs", "dogs"),
        ("d" * 64, "d" * 64),
    ],
)
def test_a_new_function_is_named_by_name_or_by_arn(text: str, name: str) -> None:
    assert validation.read_new_name(text, account_id="123456789012", region="us-east-1") == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("d" * 65, "at 'functionName' failed to satisfy constraint: Member must have length less than or eq"),
        ("dogs:live", "must be a name, or an unqualified ARN of this account and region"),
        ("210987654321:function:dogs", "must be a name, or an unqualified ARN of this account"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:dogs", "must be a name, or an unqualified ARN"),
    ],
)
def test_a_new_function_is_not_made_elsewhere(text: str, message: str) -> None:
    with pytest.raises(LambdaClientError, match=message):
        validation.read_new_name(text, account_id="123456789012", region="us-east-1")


def test_variables_and_packages_are_checked() -> None:
    validation.check_configuration({"Timeout": 900, "Environment": {"Variables": {"A": "b"}}})
    validation.check_package({"Handler": "app.handler", "Runtime": "python3.11"})
    with pytest.raises(InvalidParameterValueException, match="AWS_REGION"):
        validation.check_variables({"AWS_REGION": "x"})
    with pytest.raises(InvalidParameterValueException, match="4KB"):
        validation.check_variables({"A": "x" * 4096})
    with pytest.raises(InvalidParameterValueException, match="mandatory"):
        validation.check_package({"Handler": "app.handler"})
