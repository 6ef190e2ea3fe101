"""Which function an action is for: every form of a name on every action, and none of somebody else's."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

CODE = "def handler(event, context):\n    return context.function_version\n"
ARN = "arn:aws:lambda:us-east-1:123456789012:function"

READING: dict[str, Callable[[Any, str], Any]] = {
    "get_function": lambda lam, name: lam.get_function(FunctionName=name),
    "get_function_configuration": lambda lam, name: lam.get_function_configuration(FunctionName=name),
    "get_function_concurrency": lambda lam, name: lam.get_function_concurrency(FunctionName=name),
    "list_aliases": lambda lam, name: lam.list_aliases(FunctionName=name),
    "list_versions_by_function": lambda lam, name: lam.list_versions_by_function(FunctionName=name),
    "list_function_event_invoke_configs": lambda lam, name: lam.list_function_event_invoke_configs(
        FunctionName=name
    ),
    "put_function_concurrency": lambda lam, name: lam.put_function_concurrency(
        FunctionName=name, ReservedConcurrentExecutions=1
    ),
    "delete_function_concurrency": lambda lam, name: lam.delete_function_concurrency(FunctionName=name),
    "publish_version": lambda lam, name: lam.publish_version(FunctionName=name),
    "update_function_configuration": lambda lam, name: lam.update_function_configuration(
        FunctionName=name, Description="x"
    ),
    "add_permission": lambda lam, name: lam.add_permission(
        FunctionName=name, StatementId=uuid.uuid4().hex, Action="lambda:InvokeFunction", Principal="*"
    ),
    "get_policy": lambda lam, name: lam.get_policy(FunctionName=name),
    "put_function_event_invoke_config": lambda lam, name: lam.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=1
    ),
    "get_function_event_invoke_config": lambda lam, name: lam.get_function_event_invoke_config(
        FunctionName=name
    ),
    "create_function_url_config": lambda lam, name: lam.create_function_url_config(
        FunctionName=name, AuthType="NONE"
    ),
    "get_function_url_config": lambda lam, name: lam.get_function_url_config(FunctionName=name),
    "delete_function_url_config": lambda lam, name: lam.delete_function_url_config(FunctionName=name),
    "invoke": lambda lam, name: lam.invoke(FunctionName=name),
}
"""Actions that take a FunctionName, in an order in which each finds what it needs."""


@pytest.fixture(scope="module")
def name(functions: Any) -> str:
    """A function that all tests of this module look at."""
    return str(functions.create(CODE))


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int, str]:
    """Return code, HTTP status and message of an error."""
    response = error.value.response
    status = int(response["ResponseMetadata"]["HTTPStatusCode"])
    return response["Error"]["Code"], status, response["Error"]["Message"]


@pytest.mark.parametrize("form", ["{name}", "123456789012:function:{name}", f"{ARN}:{{name}}"])
def test_every_action_takes_every_form(functions: Any, name: str, form: str) -> None:
    for action, call in READING.items():
        functions.lam.get_waiter("function_updated_v2").wait(FunctionName=name)
        answer = call(functions.lam, form.format(name=name))
        assert answer["ResponseMetadata"]["HTTPStatusCode"] < 300, action


@pytest.mark.parametrize("action", [*READING, "delete_function"])
def test_an_arn_of_another_region_never_means_the_function_here(
    functions: Any, name: str, action: str
) -> None:
    elsewhere = f"arn:aws:lambda:eu-west-1:123456789012:function:{name}"
    call = READING.get(action, lambda lam, name: lam.delete_function(FunctionName=name))
    with pytest.raises(ClientError) as error:
        call(functions.lam, elsewhere)
    assert code_of(error) == (
        "ResourceNotFoundException",
        404,
        "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
    )


@pytest.mark.parametrize("action", ["get_function", "delete_function", "invoke"])
def test_an_arn_of_another_account_is_denied(functions: Any, name: str, action: str) -> None:
    foreign = f"arn:aws:lambda:us-east-1:210987654321:function:{name}"
    with pytest.raises(ClientError) as error:
        getattr(functions.lam, action)(FunctionName=foreign)
    code, status, message = code_of(error)
    permission = (
        "".join(word.title() for word in action.split("_")) if action != "invoke" else "InvokeFunction"
    )
    assert (code, status) == ("AccessDeniedException", 403)
    assert f"is not authorized to perform: lambda:{permission} on resource: {foreign} because" in message
    assert functions.lam.get_function(FunctionName=name)


def test_a_qualifier_may_come_with_the_name_or_beside_it(functions: Any) -> None:
    lam, name = functions.lam, functions.create(CODE, Publish=True)
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    for options in (
        {"FunctionName": f"{name}:live"},
        {"FunctionName": name, "Qualifier": "live"},
        {"FunctionName": f"{ARN}:{name}:live", "Qualifier": "live"},
    ):
        found = lam.get_function_configuration(**options)
        assert (found["Version"], found["FunctionArn"]) == ("1", f"{ARN}:{name}:live")
    latest = lam.get_function_configuration(FunctionName=f"{name}:$LATEST")
    assert latest["FunctionArn"] == f"{ARN}:{name}:$LATEST"
    for action in (
        lam.get_function,
        lam.get_policy,
        lam.delete_function,
        lam.get_function_event_invoke_config,
    ):
        with pytest.raises(ClientError) as error:
            action(FunctionName=f"{name}:live", Qualifier="1")
        assert code_of(error)[:2] == ("InvalidParameterValueException", 400)
        assert "does not match the specified qualifier" in code_of(error)[2]


@pytest.mark.parametrize(
    ("options", "member"),
    [
        ({"FunctionName": "no such"}, "functionName"),
        ({"FunctionName": "f" * 140 + "x"}, "functionName"),
        ({"FunctionName": "fn", "Qualifier": "a b"}, "qualifier"),
    ],
)
def test_what_is_no_name_is_a_validation_exception(
    functions: Any, options: dict[str, str], member: str
) -> None:
    with pytest.raises(ClientError) as error:
        functions.lam.get_function(**options)
    code, status, message = code_of(error)
    assert (code, status) == ("ValidationException", 400)
    assert f"at '{member}' failed to satisfy constraint" in message


def test_a_function_is_not_updated_through_a_version(functions: Any) -> None:
    lam, name = functions.lam, functions.create(CODE, Publish=True)
    for call in (
        lambda: lam.update_function_configuration(FunctionName=f"{name}:1", Description="x"),
        lambda: lam.update_function_code(FunctionName=f"{name}:1", ZipFile=functions.zip_of({"a.py": ""})),
        lambda: lam.put_function_concurrency(FunctionName=f"{name}:1", ReservedConcurrentExecutions=1),
    ):
        with pytest.raises(ClientError, match="Aliases and versions do not support this operation"):
            call()


def test_deleting_takes_only_what_was_named(functions: Any) -> None:
    lam, name = functions.lam, functions.create(CODE, Publish=True)
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    for qualifier, code, message in (
        ("$LATEST", "InvalidParameterValueException", "$LATEST version cannot be deleted without"),
        ("live", "InvalidParameterValueException", "Deletion of aliases is not currently supported."),
        ("1", "ResourceConflictException", "the following aliases reference it: [live]"),
    ):
        with pytest.raises(ClientError) as error:
            lam.delete_function(FunctionName=name, Qualifier=qualifier)
        assert code_of(error)[0] == code
        assert message in code_of(error)[2]
    lam.delete_alias(FunctionName=name, Name="live")
    assert lam.delete_function(FunctionName=f"{name}:1")["ResponseMetadata"]["HTTPStatusCode"] == 204
    lam.update_function_configuration(FunctionName=name, Description="changed")
    lam.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert lam.publish_version(FunctionName=name)["Version"] == "2", "no number is given twice"
    listed = lam.list_versions_by_function(FunctionName=name)["Versions"]
    assert [version["Version"] for version in listed] == ["$LATEST", "2"]
