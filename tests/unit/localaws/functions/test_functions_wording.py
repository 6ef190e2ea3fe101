"""What clients are told of functions: statuses, errors, refusals, states and links, in AWS's words."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from moto.awslambda.exceptions import InvalidParameterValueException, ValidationException

from localaws.errors import ArchiveError
from localaws.functions import errors, invocations, known_runtimes, states, validation
from localaws.functions.answers import error_body, error_response, success_status
from localaws.functions.code_links import CodeLinks, digest_of
from localaws.functions.configuration import lambda_time, listed, logging_config
from localaws.functions.deployment import Deployment, deploy
from localaws.functions.watching import peak_memory_mb
from tests.objections import objection

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("CreateFunction", 201),
        ("Invoke", 200),
        ("DeleteFunction", 204),
        ("GetFunction", 200),
        ("PutProvisionedConcurrencyConfig", 202),
        ("CreateEventSourceMapping", 202),
        ("PublishLayerVersion", 201),
        ("DeleteLayerVersion", 204),
        ("TagResource", 204),
        ("CreateFunctionUrlConfig", 201),
    ],
)
def test_a_success_has_its_actions_status(action: str, status: int) -> None:
    assert success_status(action) == status


@pytest.mark.parametrize(
    ("error", "status", "code", "message"),
    [
        (errors.NotFoundError(), 404, "ResourceNotFoundException", errors.RESOURCE_MISSING),
        (
            errors.ResourceConflictError("The function is currently in the following state: Pending"),
            409,
            "ResourceConflictException",
            "The operation cannot be performed at this time. "
            "The function is currently in the following state: Pending",
        ),
        (
            errors.RevisionError("GetPolicy"),
            412,
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. "
            "Call the GetPolicy API to retrieve the latest Revision Id",
        ),
        (
            errors.RequestTooLargeError(6_291_456),
            413,
            "RequestTooLargeException",
            "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
        ),
        (
            errors.UnreachableRegionError("eu-west-1", "us-east-1"),
            404,
            "ResourceNotFoundException",
            "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
        ),
        (
            errors.InvalidRequestContentError("no"),
            400,
            "InvalidRequestContentException",
            "Could not parse request body into json: no",
        ),
        (errors.ServiceError("no"), 500, "ServiceException", "no"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_has_its_status_code_and_sentence(error: Any, status: int, code: str, message: str) -> None:
    answer = error_response(error, request_id="r-1")
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (status, code)
    assert answer.headers["x-amzn-requestid"] == "r-1"
    document = json.loads(answer.body)
    assert document.get("Message", document.get("message")) == message


@pytest.mark.parametrize(
    ("code", "members"),
    [
        ("ResourceNotFoundException", {"Type": "User", "Message": "m"}),
        ("ServiceException", {"Type": "Service", "Message": "m"}),
        ("InvalidParameterValueException", {"Type": "User", "message": "m"}),
        ("TooManyRequestsException", {"Type": "User", "message": "m"}),
        ("ValidationException", {"message": "m"}),
        ("SerializationException", {"message": "m"}),
    ],
)
def test_an_error_spells_its_members_as_the_model_has_them(code: str, members: dict[str, str]) -> None:
    assert json.loads(error_body(code=code, message="m")) == members


@pytest.mark.parametrize("runtime", ["python3.7", "nodejs12.x", "go1.x", "java8", "provided"])
def test_a_retired_runtime_is_told_from_one_that_never_was(runtime: str) -> None:
    with pytest.raises(
        InvalidParameterValueException, match=f"{runtime} is no longer supported for creating"
    ):
        known_runtimes.check_runtime(runtime)
    with pytest.raises(InvalidParameterValueException, match="Member must satisfy enum value set"):
        known_runtimes.check_runtime(f"{runtime}-not")


def test_no_runtime_is_both_supported_and_retired() -> None:
    assert not set(known_runtimes.SUPPORTED) & set(known_runtimes.RETIRED)
    for runtime in known_runtimes.SUPPORTED:
        known_runtimes.check_runtime(runtime)


@pytest.mark.parametrize(
    ("spec", "member", "most"),
    [
        ({"Timeout": 901}, "timeout", 900),
        ({"MemorySize": 10_241}, "memorySize", 10_240),
        ({"EphemeralStorage": {"Size": 10_241}}, "ephemeralStorage.size", 10_240),
    ],
)
def test_a_number_over_the_limit_is_named_with_it(spec: dict[str, Any], member: str, most: int) -> None:
    with pytest.raises(ValidationException) as caught:
        validation.check_configuration(spec)
    assert f"at '{member}' failed to satisfy constraint" in caught.value.message
    assert f"less than or equal to {most}" in caught.value.message


@pytest.mark.parametrize(
    "spec", [{"Timeout": 900}, {"MemorySize": 10_240}, {"EphemeralStorage": {"Size": 512}}, {}]
)
def test_the_limit_itself_is_fine(spec: dict[str, Any]) -> None:
    assert objection(validation.check_configuration, spec) is None


@pytest.mark.parametrize(
    "name", ["AWS_REGION", "AWS_SECRET_ACCESS_KEY", "_HANDLER", "AWS_LAMBDA_RUNTIME_API"]
)
def test_a_reserved_variable_is_named(name: str) -> None:
    with pytest.raises(InvalidParameterValueException) as caught:
        validation.check_variables({"MINE": "1", name: "2"})
    assert caught.value.message.endswith(f"Reserved keys used in this request: {name}")


@pytest.mark.parametrize("name", ["TZ", "LANG", "PATH", "PYTHONPATH", "AWS_LAMBDA_EXEC_WRAPPER"])
def test_other_variables_of_lambda_may_be_changed(name: str) -> None:
    assert objection(validation.check_variables, {name: "x"}) is None


@pytest.mark.parametrize(("length", "is_fine"), [(4096 - 8, True), (4096 - 7, False)])
def test_variables_are_measured_as_json(length: int, is_fine: bool) -> None:
    variables = {"A": "x" * length}
    if is_fine:
        validation.check_variables(variables)
        return
    with pytest.raises(InvalidParameterValueException) as caught:
        validation.check_variables(variables)
    assert 'exceeded the 4KB limit. String measured: {"A":"xxx' in caught.value.message


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"PackageType": "Image"}, "runs no container images"),
        ({"Runtime": "python3.11"}, "Runtime and Handler are mandatory parameters"),
        ({"Handler": "app.handler"}, "Runtime and Handler are mandatory parameters"),
        ({"Handler": "", "Runtime": "python3.11"}, "Runtime and Handler are mandatory parameters"),
    ],
)
def test_a_package_needs_a_handler_and_a_runtime(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterValueException, match=message):
        validation.check_package(spec)


@pytest.mark.parametrize(
    ("table", "current", "wanted"),
    [
        (states.FUNCTION, "Active", "Pending"),
        (states.FUNCTION, "Active", "Failed"),
        (states.UPDATE, "Successful", "Failed"),
        (states.ENVIRONMENT, "Dead", "Idle"),
        (states.ENVIRONMENT, "Starting", "Busy"),
        (states.PROVISIONED, "READY", "READY"),
        (states.PROVISIONED, "FAILED", "READY"),
    ],
)
def test_a_step_that_is_not_in_the_table_is_none(table: Any, current: str, wanted: str) -> None:
    with pytest.raises(ValueError, match=f"no step from {current} to {wanted}"):
        states.step(table, current, wanted)


@pytest.mark.parametrize("table", [states.FUNCTION, states.UPDATE, states.ENVIRONMENT, states.PROVISIONED])
def test_every_step_leads_to_a_state_of_the_table(table: states.Transitions) -> None:
    assert {wanted for steps in table.values() for wanted in steps} <= set(table)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, "Runtime exited without providing a reason"),
        (0, "Runtime exited without providing a reason"),
        (1, "Runtime exited with error: exit status 1"),
        (137, "Runtime exited with error: exit status 137"),
        (-signal.SIGSEGV, "Runtime exited with error: signal: segmentation fault"),
        (-signal.SIGABRT, "Runtime exited with error: signal: aborted"),
        (-signal.SIGUSR1, "Runtime exited with error: signal: signal 10"),
    ],
)
def test_an_exit_is_told_in_the_payload_and_the_log(code: int | None, words: str) -> None:
    outcome = invocations.exited(request_id="r-1", code=code)
    assert json.loads(outcome.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: r-1 Error: {words}",
    }
    assert invocations.exit_line(request_id="r-1", outcome=outcome) == (
        f"RequestId: r-1 Error: {words}\nRuntime.ExitError"
    )


def test_a_link_is_good_for_what_it_was_made_for_and_ten_minutes() -> None:
    links, arn = CodeLinks(), "arn:aws:lambda:us-east-1:1:function:dogs:$LATEST"
    link = links.make(base="http://here", arn=arn, digest="abc", now=NOW)
    assert link.startswith("http://here/_localaws/function-code/arn%3Aaws%3Alambda")
    query = link.partition("?")[2]
    assert digest_of(query) == "abc"
    assert links.refusal(arn=arn, query=query, now=NOW + timedelta(seconds=599)) is None
    assert links.refusal(arn=arn, query=query, now=NOW + timedelta(seconds=601)) == "Request has expired"


@pytest.mark.parametrize(
    "change",
    [
        lambda query: query.replace("abc", "abd"),
        lambda query: query.replace("X-Amz-Expires=1", "X-Amz-Expires=2"),
        lambda query: query[:-1] + ("0" if query[-1] != "0" else "1"),
        lambda query: query.partition("&X-Amz-Signature")[0],
        lambda query: "",
        lambda query: "X-Amz-Signature=%FF&X-Amz-Expires=soon",
    ],
    ids=["digest", "expires", "signature", "unsigned", "empty", "no-number"],
)
def test_a_link_that_was_changed_is_refused(change: Any) -> None:
    links = CodeLinks()
    query = change(links.make(base="", arn="arn", digest="abc", now=NOW).partition("?")[2])
    assert links.refusal(arn="arn", query=query, now=NOW) == "The signature does not fit the link"


def test_a_link_of_another_function_or_another_localaws_is_refused() -> None:
    links = CodeLinks()
    query = links.make(base="", arn="arn", digest="abc", now=NOW).partition("?")[2]
    assert links.refusal(arn="another", query=query, now=NOW) is not None
    assert CodeLinks().refusal(arn="arn", query=query, now=NOW) is not None


class Unpacking:
    """Packages that are folders at once, or refused."""

    def unpack(self, code: bytes) -> Path:
        """Return a folder."""
        if code == b"bad":
            raise ArchiveError("Could not unzip uploaded file.")
        return Path("/code", code.decode())


@pytest.mark.parametrize(
    ("code", "layers", "told"),
    [
        (b"dogs", [], (Path("/code/dogs"), ())),
        (b"dogs", [b"one", b"two"], (Path("/code/dogs"), (Path("/code/one"), Path("/code/two")))),
        (b"bad", [], "Could not unzip uploaded file."),
        (b"dogs", [b"one", b"bad"], "Could not unzip uploaded file."),
    ],
)
def test_a_deployment_tells_folders_in_order_or_the_reason(
    code: bytes, layers: list[bytes], told: Any
) -> None:
    heard: list[Any] = []
    deployment = Deployment(
        arn="arn",
        code=code,
        layers=layers,
        succeeded=lambda root, roots: heard.append((root, roots)),
        failed=heard.append,
    )
    assert deploy(deployment, packages=Unpacking()) is isinstance(told, tuple)  # type: ignore[arg-type]
    assert heard == [told]


def test_memory_is_the_peak_and_nothing_of_what_has_ended() -> None:
    assert 1 < (peak_memory_mb(os.getpid()) or 0) < 100_000
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait(60)
        pid = ended.pid
    assert peak_memory_mb(pid) is None


def test_a_time_has_milliseconds_and_an_offset() -> None:
    assert lambda_time(NOW) == "2026-01-02T03:04:05.678+0000"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, {"LogFormat": "Text", "LogGroup": "/aws/lambda/dogs"}),
        ({"LogGroup": "/mine"}, {"LogFormat": "Text", "LogGroup": "/mine"}),
        (
            {"LogFormat": "JSON", "SystemLogLevel": "WARN"},
            {
                "LogFormat": "JSON",
                "LogGroup": "/aws/lambda/dogs",
                "ApplicationLogLevel": "INFO",
                "SystemLogLevel": "WARN",
            },
        ),
    ],
)
def test_logging_has_aws_defaults(given: dict[str, str] | None, expected: dict[str, str]) -> None:
    assert logging_config(given, function_name="dogs") == expected


def test_a_list_leaves_out_states() -> None:
    whole = {"FunctionName": "dogs", "State": "Active", "LastUpdateStatus": "Successful", "Timeout": 3}
    assert listed(whole) == {"FunctionName": "dogs", "Timeout": 3}
