"""Which requests AWS's models allow, and what is said of those that they do not."""

import json
import math
from typing import Any

import pytest
from botocore.awsrequest import AWSRequest
from botocore.serialize import create_serializer

from localaws.asgi import Request, Response
from localaws.coverage import REFUSALS
from localaws.wire.checks import MAX_MATCHED_CHARACTERS, UNMATCHED_PATTERNS, compile_pattern
from localaws.wire.compiler import find_compiler, find_model
from localaws.wire.refusals import SERVICES
from localaws.wire.step import READ_PROTOCOLS, judge

SCOPE = "AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
TRAINING_JOB: dict[str, Any] = {
    "TrainingJobName": "job-1",
    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
    "RoleArn": "arn:aws:iam::123456789012:role/trainer",
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}


async def never() -> Any:
    """Stand for a connection that nobody may read."""
    raise AssertionError("the body was read")


def refuse(sent: dict[str, Any]) -> Response | None:
    """Return what the check answers."""
    body = sent.pop("body")
    return judge(Request(receive=never, **sent), body)


def json_call(action: str, members: Any, *, service: str = "sagemaker") -> dict[str, Any]:
    """Return a request in the JSON protocol; `members` are sent as they are where they are bytes."""
    headers = {"x-amz-target": f"Any.{action}", "authorization": SCOPE.format(service)}
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    return {"method": "POST", "path": "/", "query": "", "headers": headers, "body": body}


def form_call(service: str, form: str) -> dict[str, Any]:
    """Return a request in the query protocol."""
    headers = {"content-type": "application/x-www-form-urlencoded", "authorization": SCOPE.format(service)}
    return {"method": "POST", "path": "/", "query": "", "headers": headers, "body": form.encode()}


def error_of(answer: Response | None) -> tuple[str, str]:
    """Return code and message of a refusal in JSON."""
    assert answer is not None
    assert answer.status == 400
    document = json.loads(answer.body)
    return answer.headers["x-amzn-errortype"], document["message"]


def test_a_request_of_the_model_passes() -> None:
    assert refuse(json_call("CreateTrainingJob", TRAINING_JOB)) is None


def test_members_that_the_model_does_not_know_are_passed_over() -> None:
    assert refuse(json_call("CreateTrainingJob", TRAINING_JOB | {"NewMember": [1]})) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"TrainingJobName": "a_b"},
            "1 validation error detected: Value 'a_b' at 'trainingJobName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
        ),
        (
            {"RoleArn": None},
            "1 validation error detected: Value null at 'roleArn' failed to satisfy constraint: "
            "Member must not be null",
        ),
        (
            {"ResourceConfig": {"InstanceCount": -1, "VolumeSizeInGB": -1}},
            "2 validation errors detected: Value '-1' at 'resourceConfig.instanceCount' failed to satisfy "
            "constraint: Member must have value greater than or equal to 0; Value '-1' at "
            "'resourceConfig.volumeSizeInGB' failed to satisfy constraint: Member must have value greater "
            "than or equal to 0",
        ),
        (
            {"OutputDataConfig": {"S3OutputPath": "s3://bucket/out", "CompressionType": "ZIP"}},
            "1 validation error detected: Value 'ZIP' at 'outputDataConfig.compressionType' failed to "
            "satisfy constraint: Member must satisfy enum value set: [NONE, GZIP]",
        ),
        (
            {"HyperParameters": {"k": "v" * 2501}},
            "1 validation error detected: Value '{k=" + "v" * 1021 + "...' at 'hyperParameters' failed to "
            "satisfy constraint: Map value must satisfy constraint: [Member must have length less than or "
            "equal to 2500, Member must have length greater than or equal to 0, Member must satisfy regular "
            "expression pattern: .*]",
        ),
        (
            {"InputDataConfig": [{"ChannelName": "train"}]},
            "1 validation error detected: Value null at 'inputDataConfig.1.member.dataSource' failed to "
            "satisfy constraint: Member must not be null",
        ),
    ],
    ids=["pattern", "required", "two at once", "enum", "map", "in a list"],
)
def test_what_the_model_forbids_is_told_in_awss_sentence(change: dict[str, Any], message: str) -> None:
    call = json_call("CreateTrainingJob", TRAINING_JOB | change)
    assert error_of(refuse(call)) == ("ValidationException", message)


def test_entries_of_a_list_are_told_together() -> None:
    call = json_call("DescribeAlarms", {"AlarmTypes": ["Odd"]}, service="monitoring")
    assert error_of(refuse(call))[1].endswith(
        "at 'alarmTypes' failed to satisfy constraint: Member must satisfy constraint: "
        "[Member must satisfy enum value set: [MetricAlarm, CompositeAlarm, LogAlarm]]"
    )


def test_lambda_and_iam_add_that_no_entry_of_a_list_is_null() -> None:
    members = {"FunctionName": "f", "Role": TRAINING_JOB["RoleArn"], "Code": {}, "Architectures": ["x86"]}
    code, message = error_of(refuse(rest_call("lambda", "CreateFunction", members)))
    assert code == "ValidationException"
    assert message == (
        "1 validation error detected: Value '[x86]' at 'architectures' failed to satisfy constraint: Member "
        "must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], "
        "Member must not be null]"
    )
    answer = refuse(form_call("iam", f"Action=UntagRole&RoleName=r&TagKeys.member.1={'k' * 129}"))
    assert answer is not None
    assert (
        b"[Member must have length less than or equal to 128, Member must have length greater than or equal "
        rb"to 1, Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+, "
        b"Member must not be null]"
    ) in answer.body


def test_secrets_are_not_shown() -> None:
    call = json_call("PutParameter", {"Name": "", "Value": "x" * 10}, service="ssm")
    assert "x" * 10 not in error_of(refuse(call))[1]
    call = form_call("iam", "Action=CreateLoginProfile&UserName=u&Password=%00" + "p" * 200)
    answer = refuse(call)
    assert answer is not None
    assert b"Value at 'password'" in answer.body


def test_logs_does_not_repeat_the_name_of_a_group() -> None:
    members = {"logStreamName": "s", "logGroupIdentifier": "a:*"}
    code, message = error_of(refuse(json_call("GetLogEvents", members, service="logs")))
    assert code == "InvalidParameterException"
    assert message.startswith("1 validation error detected: Value at 'logGroupIdentifier' failed")
    assert (
        "Value null at 'logGroupName'" in error_of(refuse(json_call("CreateLogGroup", {}, service="logs")))[1]
    )


def test_an_operation_that_declares_another_code_has_it() -> None:
    members = {"name": "d", "outputFormat": "yaml"}
    code, message = error_of(refuse(json_call("PutDeliveryDestination", members, service="logs")))
    assert code == "ValidationException"
    assert "Member must satisfy enum value set: [w3c, raw, json, plain, parquet]" in message


@pytest.mark.parametrize(
    ("action", "members"),
    [
        ("ReceiveMessage", {"AttributeNames": ["ApproximateReceiveCount", "SentTimestamp"]}),
        ("GetQueueAttributes", {"AttributeNames": ["no such"]}),
    ],
)
def test_sqs_judges_by_itself_what_is_there(action: str, members: dict[str, Any]) -> None:
    queue = {"QueueUrl": "http://localhost/123456789012/q"}
    assert refuse(json_call(action, queue | members, service="sqs")) is None
    _, message = error_of(refuse(json_call(action, members, service="sqs")))
    assert message == "The request must contain the parameter QueueUrl"


def test_ecr_has_a_sentence_of_its_own() -> None:
    call = json_call("GetAuthorizationToken", {"registryIds": ["12"]}, service="ecr")
    assert error_of(refuse(call)) == (
        "InvalidParameterException",
        "Invalid parameter at 'registryIds' failed to satisfy constraint: 'Member must satisfy constraint: "
        "[Member must satisfy regular expression pattern: [0-9]{12}]'",
    )
    members = {"repositoryName": "a-b", "imageTagMutability": "Odd"}
    assert error_of(refuse(json_call("PutImageTagMutability", members, service="ecr")))[1] == (
        "Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'Member must satisfy enum "
        "value set: [IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]'"
    )


def test_ssm_judges_kinds_of_resources_by_itself_but_not_that_there_is_none() -> None:
    assert (
        refuse(json_call("ListTagsForResource", {"ResourceType": "Odd", "ResourceId": "r"}, service="ssm"))
        is None
    )
    code, message = error_of(refuse(json_call("ListTagsForResource", {"ResourceId": "r"}, service="ssm")))
    assert (code, "Value null at 'resourceType'" in message) == ("ValidationException", True)


def test_codebuild_has_one_code_for_all_that_is_wrong() -> None:
    assert (
        error_of(refuse(json_call("BatchGetBuilds", {}, service="codebuild")))[0] == "InvalidInputException"
    )


def test_autoscaling_lists_the_words_of_a_choice() -> None:
    members = {
        "PolicyName": "p",
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/e/variant/v",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "PolicyType": "Guess",
    }
    _, message = error_of(refuse(json_call("PutScalingPolicy", members, service="application-autoscaling")))
    assert message.endswith("enum value set: [PredictiveScaling, StepScaling, TargetTrackingScaling]")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("RoleName=a+b", "roleName is invalid. It must contain only alphanumeric characters and/or the"),
        ("RoleName=a&Path=x", "path is invalid. It must begin and end with / and contain only alphanumeric"),
    ],
)
def test_iam_says_what_names_and_paths_must_be(form: str, said: str) -> None:
    answer = refuse(
        form_call("iam", f"Action=CreateRole&Version=2010-05-08&AssumeRolePolicyDocument=%7B%7D&{form}")
    )
    assert answer is not None
    assert f"<Message>The specified value for {said}" in answer.body.decode()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "Expecting property name"),
        (b"[]", "Unexpected value for a structure"),
        (b'"text"', "Unexpected value for a structure"),
        (b'{"TrainingJobName": 5}', "NUMBER_VALUE can not be converted to a String (at 'trainingJobName')"),
        (b'{"HyperParameters": []}', "Expected map or null (at 'hyperParameters')"),
        (b'{"Tags": {}}', "Expected list or null (at 'tags')"),
        (b'{"EnableNetworkIsolation": "yes"}', "STRING_VALUE can not be converted to a Boolean"),
        (b'{"ResourceConfig": {"InstanceCount": 1e99}}', "NUMBER_VALUE can not be converted to an Integer"),
        (b'{"RetryStrategy": {"MaximumRetryAttempts": NaN}}', "NaN is not JSON"),
        (b"[" * 100_000, ""),
        (b'{"RoleArn": "\\ud800"}', "surrogates not allowed"),
        (b"\xff\xfe", ""),
    ],
)
def test_what_cannot_be_read_is_a_serialization_exception(body: bytes, said: str) -> None:
    code, message = error_of(refuse(json_call("CreateTrainingJob", body)))
    assert code == "SerializationException"
    assert said in message


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        (
            "Action=CreateUser&UserName=a+b",
            400,
            "<Code>ValidationError</Code><Message>The specified value for userName",
        ),
        ("Action=CreateUser", 400, "Value null at &apos;userName&apos;"),
        ("Action=ListUsers&MaxItems=many", 400, "<Code>MalformedInput</Code>"),
        ("Action=ListUsers&MaxItems=0", 400, "Member must have value greater than or equal to 1"),
        ("Action=TagUser&UserName=u&Tags.member.1.Key=k", 400, "tags.1.member.value"),
        ("Action=TagUser&UserName=u&Tags.member.1.Key=k&Tags.member.1.Value=v", 200, ""),
        ("Action=TagUser&UserName=u&Tags=flat", 400, "Expected list or null"),
        ("Action=CreateUser&UserName=u&UserName.Deeper=x", 400, "can not be converted to a String"),
    ],
)
def test_forms_are_read_by_their_shape(form: str, status: int, said: str) -> None:
    answer = refuse(form_call("iam", form))
    assert (answer.status if answer else 200) == status
    assert said in (answer.body.decode().replace("'", "&apos;") if answer else "")


def test_ec2_names_the_missing_parameter() -> None:
    answer = refuse(form_call("ec2", "Action=CreateTags&ResourceId.1=i-1"))
    assert answer is not None
    assert b"<Code>MissingParameter</Code><Message>The request must contain the parameter Tags" in answer.body


def rest_call(service: str, action: str, members: dict[str, Any]) -> dict[str, Any]:
    """Return the request that botocore sends, whatever the protocol."""
    model = find_model(SERVICES[service].model)
    assert model is not None
    protocol = "query" if service == "monitoring" else model.resolved_protocol
    sent = create_serializer(protocol, include_validation=False).serialize_to_request(
        members, model.operation_model(action)
    )
    prepared = AWSRequest(
        method=sent["method"],
        url=f"http://localhost{sent['url_path']}",
        headers=sent["headers"],
        params=sent["query_string"],
        data=sent["body"],
    ).prepare()
    path, _, query = prepared.url.removeprefix("http://localhost").partition("?")
    body = prepared.body or b""
    return {
        "method": sent["method"],
        "path": path,
        "query": query,
        "headers": {name.lower(): str(value) for name, value in prepared.headers.items()}
        | {"authorization": SCOPE.format(service)},
        "body": body if isinstance(body, bytes) else body.encode(),
    }


def test_members_of_path_query_and_header_are_checked_too() -> None:
    bad = rest_call("lambda", "GetFunction", {"FunctionName": "bad name"})
    assert "at 'functionName' failed to satisfy constraint" in error_of(refuse(bad))[1]
    assert refuse(rest_call("lambda", "ListFunctions", {"MaxItems": 5})) is None
    many = rest_call("lambda", "ListFunctions", {"MaxItems": 500_000})
    assert "at 'maxItems'" in error_of(refuse(many))[1]
    word = rest_call("lambda", "ListFunctions", {"MaxItems": 5})
    assert error_of(refuse(word | {"query": "MaxItems=five"}))[0] == "SerializationException"


def example(shape: Any, *, depth: int = 0) -> Any:
    """Return a value of a shape, with every member down to some depth; patterns are not looked at."""
    kind, metadata = shape.type_name, shape.metadata
    if kind == "structure":
        names = list(shape.members) if depth < 4 else shape.required_members or list(shape.members)[:1]
        return {name: example(shape.members[name], depth=depth + 1) for name in names}
    if kind == "list":
        return [example(shape.member, depth=depth + 1)] * max(1, metadata.get("min", 1))
    if kind == "map":
        keys = shape.key.metadata.get("enum") or [letter * 9 for letter in "abc"]
        return {key: example(shape.value, depth=depth + 1) for key in keys[: max(1, metadata.get("min", 1))]}
    if kind in ("integer", "long", "float", "double"):
        return max(1, metadata.get("min", 1)) if metadata.get("max", 1) >= 1 else metadata["max"]
    if kind == "timestamp":
        return "2026-11-28T00:00:00Z"
    if kind in ("boolean", "blob"):
        return True if kind == "boolean" else b"blob"
    return metadata["enum"][0] if "enum" in metadata else "a" * max(1, metadata.get("min", 1))


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_what_botocore_writes_of_every_operation_is_read(service: str) -> None:
    """A reader that took a member for another, or lost one, would refuse what AWS takes."""
    compiler = find_compiler(SERVICES[service].model)
    assert compiler is not None
    for name in compiler.model.operation_names:
        shape = compiler.model.operation_model(name).input_shape
        if shape is None or shape.metadata.get("payload") or shape.serialization.get("payload"):
            continue
        if f"{service}:{name}" in REFUSALS:  # refused whatever its members are
            continue
        answer = refuse(rest_call(service, name, example(shape)))
        said = "" if answer is None else answer.body.decode()
        is_of_pattern = "regular expression pattern" in said or "The specified value for" in said
        assert answer is None or (is_of_pattern and "Value null" not in said), (name, said)


def test_every_protocol_that_is_read_has_a_service() -> None:
    protocols = {find_model(contract.model).protocol for contract in SERVICES.values()}  # type: ignore[union-attr]
    assert {protocol.value for protocol in READ_PROTOCOLS} <= protocols


ATTACKS = [
    start + letters * MAX_MATCHED_CHARACTERS
    for start in ("", "s3://", "https://", "arn:aws:")
    for letters in ("a", "a-", "a.", "-", "/", " ", "0", "a/", "A", ":")
]


def test_no_pattern_stops_localaws() -> None:
    """One that takes exponential time makes this test run for ever: it belongs into UNMATCHED_PATTERNS."""
    models = [find_model(contract.model) for contract in SERVICES.values()]
    shapes = [shape for model in models if model for shape in model._service_description["shapes"].values()]
    found = {
        shape["pattern"]: int(min(shape.get("max", math.inf), MAX_MATCHED_CHARACTERS))
        for shape in shapes
        if "pattern" in shape
    }
    assert found.keys() >= UNMATCHED_PATTERNS
    for pattern, limit in found.items():
        if compiled := compile_pattern(pattern):
            for text in ATTACKS:
                for size in (30, limit):
                    compiled.fullmatch(text[: size - 1] + "\x00")
