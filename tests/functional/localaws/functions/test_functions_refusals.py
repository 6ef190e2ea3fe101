"""What each action of Lambda refuses: status, code and sentence as boto3's users get them from AWS."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

CODE = "def handler(event, context):\n    return 1\n"
ARN = "arn:aws:lambda:us-east-1:123456789012:function"
NOT_FOUND, INVALID, CONFLICT = (
    "ResourceNotFoundException",
    "InvalidParameterValueException",
    "ResourceConflictException",
)
VALIDATION = "ValidationException"
MISSING = f"Function not found: {ARN}:no-such"
STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/no-such"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:no-such"


@pytest.fixture(scope="module")
def known(functions: Any) -> str:
    """A function with version 1 and an alias `live` of it."""
    name = str(functions.create(CODE, Publish=True))
    functions.lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    return name


@pytest.fixture(scope="module")
def raw(functions: Any) -> Any:
    """A client that sends what it is given."""
    return functions.server.client("lambda", parameter_validation=False)


def refusal(raw: Any, action: str, **request: Any) -> tuple[int, str, str]:
    """Return status, code and message of a refused request."""
    with pytest.raises(ClientError) as error:
        getattr(raw, action)(**request)
    answer = error.value.response
    return (
        answer["ResponseMetadata"]["HTTPStatusCode"],
        answer["Error"]["Code"],
        answer["Error"]["Message"],
    )


@pytest.mark.parametrize(
    ("action", "request_", "message"),
    [
        ("get_function", {}, MISSING),
        ("get_function_configuration", {}, MISSING),
        ("delete_function", {}, MISSING),
        ("invoke", {}, MISSING),
        ("invoke_async", {"InvokeArgs": b"{}"}, MISSING),
        ("update_function_code", {"ZipFile": b"x"}, MISSING),
        ("update_function_configuration", {"Timeout": 3}, MISSING),
        ("publish_version", {}, MISSING),
        ("list_versions_by_function", {}, MISSING),
        ("create_alias", {"Name": "a", "FunctionVersion": "1"}, MISSING),
        ("list_aliases", {}, MISSING),
        ("delete_alias", {"Name": "a"}, MISSING),
        ("get_alias", {"Name": "a"}, f"Cannot find alias arn: {ARN}:no-such:a"),
        ("update_alias", {"Name": "a"}, f"Cannot find alias arn: {ARN}:no-such:a"),
        ("add_permission", {"StatementId": "s", "Action": "*", "Principal": "*"}, MISSING),
        ("remove_permission", {"StatementId": "s"}, MISSING),
        ("get_policy", {}, MISSING),
        ("put_function_concurrency", {"ReservedConcurrentExecutions": 1}, MISSING),
        ("get_function_concurrency", {}, MISSING),
        ("delete_function_concurrency", {}, MISSING),
        ("list_provisioned_concurrency_configs", {}, MISSING),
        ("put_function_event_invoke_config", {"MaximumRetryAttempts": 1}, "The function doesn't exist."),
        ("list_function_event_invoke_configs", {}, "The function doesn't exist."),
        ("get_function_event_invoke_config", {}, "doesn't have an EventInvokeConfig"),
        ("delete_function_event_invoke_config", {}, "doesn't have an EventInvokeConfig"),
        ("create_function_url_config", {"AuthType": "NONE"}, "Function does not exist"),
        ("get_function_url_config", {}, "The resource you requested does not exist."),
        ("delete_function_url_config", {}, "The resource you requested does not exist."),
        ("list_function_url_configs", {}, "Function does not exist"),
        ("get_function_code_signing_config", {}, MISSING),
    ],
    ids=lambda value: value if isinstance(value, str) and "_" in value else "",
)
def test_a_function_that_is_not_there(raw: Any, action: str, request_: dict[str, Any], message: str) -> None:
    status, code, found = refusal(raw, action, FunctionName="no-such", **request_)
    assert (status, code) == (404, NOT_FOUND)
    assert message in found


@pytest.mark.parametrize(
    "action",
    [
        "get_function",
        "get_function_configuration",
        "invoke",
        "delete_function",
        "publish_version",
        "list_aliases",
        "get_policy",
        "get_function_concurrency",
        "get_function_event_invoke_config",
        "get_function_url_config",
    ],
)
@pytest.mark.parametrize("name", ["do gs", "dogs:", "arn:aws:s3:::dogs", "d" * 257])
def test_a_name_that_is_none(raw: Any, action: str, name: str) -> None:
    status, code, message = refusal(raw, action, FunctionName=name)
    assert (status, code) == (400, VALIDATION)
    assert message.startswith("1 validation error detected: Value '")
    assert "at 'functionName' failed to satisfy constraint: Member must" in message


CHECKED = [
    ("create_function", {"Code": {"ZipFile": b"x"}}, INVALID, "Runtime and Handler are mandatory"),
    ("create_function", {"Code": {}}, INVALID, "Please provide a source for function code."),
    ("create_function", {"Code": {"ZipFile": b"no zip"}}, INVALID, "Could not unzip uploaded file."),
    ("create_function", {"Timeout": 0}, VALIDATION, "Value '0' at 'timeout' failed"),
    ("create_function", {"Timeout": 901}, VALIDATION, "Value '901' at 'timeout' failed"),
    ("create_function", {"MemorySize": 64}, VALIDATION, "Value '64' at 'memorySize' failed"),
    ("create_function", {"Timeout": "soon"}, "SerializationException", "can not be converted to an Integer"),
    ("create_function", {"Architectures": ["sparc"]}, VALIDATION, "at 'architectures' failed"),
    ("create_function", {"DurableConfig": {"ExecutionTimeout": 60}}, INVALID, "does not implement Durable"),
    ("create_function", {"Layers": [f"{ARN[:-8]}layer:none:1"]}, INVALID, "layer:none:1 does not exist."),
    ("create_function", {"Layers": [f"{ARN[:-8]}layer:none:1"] * 6}, INVALID, "more than 5 layers."),
    ("update_function_configuration", {"Layers": [f"{ARN[:-8]}layer:none:1"]}, INVALID, "layer:none:1 doe"),
    ("update_function_configuration", {"Timeout": 901}, VALIDATION, "Value '901' at 'timeout' failed"),
    ("update_function_configuration", {"Runtime": "python2.7"}, INVALID, "is no longer supported"),
    ("update_function_configuration", {"RevisionId": "old"}, "PreconditionFailedException", "Revision Id"),
    ("update_function_code", {}, INVALID, "Please provide a source for function code."),
    ("update_function_code", {"S3Bucket": "no-such-one", "S3Key": "k"}, INVALID, "NoSuchBucket"),
    ("publish_version", {"CodeSha256": "x"}, INVALID, "CodeSHA256 (x) is different from current"),
    ("delete_function", {"Qualifier": "$LATEST"}, INVALID, "$LATEST version cannot be deleted without"),
    ("delete_function", {"Qualifier": "live"}, INVALID, "Deletion of aliases is not currently supported."),
    ("delete_function", {"Qualifier": "1"}, CONFLICT, "because the following aliases reference it: [live]"),
    ("get_function", {"Qualifier": "9"}, NOT_FOUND, ":9"),
    ("get_function", {"Qualifier": "a b"}, VALIDATION, "at 'qualifier' failed to satisfy constraint"),
    ("create_alias", {"Name": "live", "FunctionVersion": "1"}, CONFLICT, "Alias already exists"),
    ("create_alias", {"Name": "1", "FunctionVersion": "1"}, VALIDATION, "Value '1' at 'name' failed"),
    ("create_alias", {"Name": "a", "FunctionVersion": "9"}, NOT_FOUND, ":9"),
    ("create_alias", {"Name": "a", "FunctionVersion": "one"}, VALIDATION, "at 'functionVersion' failed"),
    ("create_alias", {"Name": "a"}, VALIDATION, "Value null at 'functionVersion' failed"),
    ("update_alias", {"Name": "live", "RevisionId": "old"}, "PreconditionFailedException", "Revision Id"),
    ("get_alias", {"Name": "none"}, NOT_FOUND, "Cannot find alias arn"),
    ("add_permission", {"Action": "s3:Get"}, VALIDATION, "Value 's3:Get' at 'action' failed"),
    ("add_permission", {"Principal": "me"}, INVALID, "The provided principal was invalid."),
    ("add_permission", {"StatementId": "a b"}, VALIDATION, "Value 'a b' at 'statementId' failed"),
    ("add_permission", {"Qualifier": "$LATEST"}, INVALID, "do not support adding policies for $LATEST"),
    ("remove_permission", {"StatementId": "none"}, NOT_FOUND, "No policy is associated with the given"),
    ("get_policy", {}, NOT_FOUND, "The resource you requested does not exist."),
    ("put_function_concurrency", {"ReservedConcurrentExecutions": -1}, VALIDATION, "Value '-1' at"),
    ("put_function_concurrency", {"ReservedConcurrentExecutions": 901}, INVALID, "minimum value of [100]"),
    ("put_function_concurrency", {}, VALIDATION, "Value null at 'reservedConcurrentExecutions' failed"),
    ("put_provisioned_concurrency_config", {"Qualifier": "$LATEST"}, INVALID, "unpublished function vers"),
    ("put_provisioned_concurrency_config", {"Qualifier": "9"}, NOT_FOUND, ":9"),
    (
        "put_provisioned_concurrency_config",
        {"Qualifier": "1", "ProvisionedConcurrentExecutions": 0},
        VALIDATION,
        "Value '0' at 'provisionedConcurrentExecutions' failed",
    ),
    (
        "put_provisioned_concurrency_config",
        {"Qualifier": "1", "ProvisionedConcurrentExecutions": 1001},
        INVALID,
        "is greater than account's unreserved concurrency [",
    ),
    (
        "get_provisioned_concurrency_config",
        {"Qualifier": "1"},
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
    ),
    ("put_function_event_invoke_config", {}, INVALID, "You must specify at least one of error handling"),
    ("put_function_event_invoke_config", {"MaximumRetryAttempts": 3}, VALIDATION, "Value '3' at 'maximumR"),
    ("put_function_event_invoke_config", {"MaximumEventAgeInSeconds": 59}, VALIDATION, "Value '59' at"),
    (
        "put_function_event_invoke_config",
        {"DestinationConfig": {"OnSuccess": {"Destination": "here"}}},
        VALIDATION,
        "at 'destinationConfig.onSuccess.destination' failed",
    ),
    (
        "put_function_event_invoke_config",
        {"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:s3:::bucket"}}},
        INVALID,
        "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:s3",
    ),
    (
        "put_function_event_invoke_config",
        {"DestinationConfig": {"OnFailure": {"Destination": "kafka://topic"}}},
        INVALID,
        "The provided destination config DestinationConfig(onSuccess=null, onFailure=",
    ),
    ("create_function_url_config", {"AuthType": "ANY"}, VALIDATION, "Value 'ANY' at 'authType' failed"),
    ("create_function_url_config", {"Qualifier": "1"}, VALIDATION, "Value '1' at 'qualifier' failed"),
    ("create_event_source_mapping", {}, INVALID, "Unrecognized event source."),
    ("create_event_source_mapping", {"EventSourceArn": "x"}, VALIDATION, "at 'eventSourceArn' failed"),
    (
        "create_event_source_mapping",
        {"EventSourceArn": QUEUE},
        INVALID,
        "SimpleQueueService.NonExistentQueue",
    ),
    ("create_event_source_mapping", {"EventSourceArn": STREAM}, INVALID, f"Stream not found: {STREAM}"),
    (
        "create_event_source_mapping",
        {"EventSourceArn": QUEUE, "FilterCriteria": {"Filters": [{"Pattern": "{}"}]}},
        INVALID,
        "localaws does not implement FilterCriteria of event source mappings",
    ),
]
DEFAULTS: dict[str, dict[str, Any]] = {
    "create_function": {"Runtime": "python3.11", "Handler": "app.handler"},
    "add_permission": {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"},
    "put_provisioned_concurrency_config": {"ProvisionedConcurrentExecutions": 1},
    "create_function_url_config": {"AuthType": "NONE"},
}


@pytest.mark.parametrize(("action", "options", "code", "message"), CHECKED)
def test_what_an_action_does_not_take(
    functions: Any, raw: Any, known: str, action: str, options: dict[str, Any], code: str, message: str
) -> None:
    request = {"FunctionName": known} | DEFAULTS.get(action, {}) | options
    if action == "create_function":
        made = {
            "FunctionName": "new",
            "Role": functions.role,
            "Code": {"ZipFile": functions.zip_of({"a": ""})},
        }
        request |= made | options
    if message.startswith("Runtime and"):
        del request["Runtime"]
    status, found, text = refusal(raw, action, **request)
    statuses = {NOT_FOUND: 404, CONFLICT: 409, "PreconditionFailedException": 412}
    wanted = statuses.get(code, 404 if code.endswith("NotFoundException") else 400)
    assert (status, found) == (wanted, code), text
    assert message in text


@pytest.mark.parametrize(
    ("action", "options"),
    [
        ("update_function_code", {"ZipFile": b"x"}),
        ("update_function_configuration", {"Timeout": 3}),
        ("publish_version", {}),
        ("list_versions_by_function", {}),
        ("list_aliases", {}),
        ("create_alias", {"Name": "a", "FunctionVersion": "1"}),
        ("put_function_concurrency", {"ReservedConcurrentExecutions": 1}),
        ("delete_function_concurrency", {}),
        ("list_function_event_invoke_configs", {}),
        ("list_provisioned_concurrency_configs", {}),
    ],
)
@pytest.mark.parametrize("form", ["{}:1", "{}:live", "123456789012:function:{}:1", ARN + ":{}:live"])
def test_what_is_for_whole_functions_takes_no_qualifier(
    raw: Any, known: str, action: str, options: dict[str, Any], form: str
) -> None:
    status, code, message = refusal(raw, action, FunctionName=form.format(known), **options)
    assert (status, code) == (400, INVALID)
    assert message.startswith("This operation is permitted on Lambda functions only.")


@pytest.mark.parametrize("action", ["get_function", "invoke", "get_policy", "get_function_url_config"])
def test_two_qualifiers_that_differ(raw: Any, known: str, action: str) -> None:
    status, code, message = refusal(raw, action, FunctionName=f"{known}:live", Qualifier="other")
    assert (status, code) == (400, INVALID)
    assert message.startswith("The derived qualifier from the function name does not match")


@pytest.mark.parametrize(
    ("action", "request_"),
    [
        ("invoke_with_response_stream", {}),
        ("get_runtime_management_config", {}),
        ("put_function_recursion_config", {"RecursiveLoop": "Allow"}),
        ("put_function_scaling_config", {"Qualifier": "1"}),
    ],
)
def test_an_action_that_is_not_built_says_so(
    raw: Any, known: str, action: str, request_: dict[str, Any]
) -> None:
    status, code, message = refusal(raw, action, FunctionName=known, **request_)
    assert (status, code) == (404, "UnknownOperationException")
    assert "localaws does not implement lambda:" in message
