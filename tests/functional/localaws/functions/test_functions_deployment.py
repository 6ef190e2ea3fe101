"""Creating, updating, versions and aliases: what is deployed is what runs."""

import base64
import hashlib
import json
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

STREAM = "def handler(event, context):\n    return context.log_stream_name\n"
VERSION = "def handler(event, context):\n    return [{value!r}, context.function_version]\n"


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    """Return the code and the HTTP status of an error."""
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_new_function_is_pending_and_then_active(functions: Any) -> None:
    name, code = f"fn-{uuid.uuid4().hex[:8]}", functions.zip_of({"app.py": STREAM})
    made = functions.lam.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="app.handler",
        Role=functions.role,
        Code={"ZipFile": code},
    )
    assert (made["State"], made["StateReasonCode"]) == ("Pending", "Creating")
    assert made["CodeSha256"] == base64.b64encode(hashlib.sha256(code).digest()).decode()
    functions.lam.get_waiter("function_active_v2").wait(FunctionName=name)
    configuration = functions.lam.get_function(FunctionName=name)["Configuration"]
    assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Successful")
    assert "StateReason" not in configuration


def test_code_from_s3_is_what_it_was_at_the_call(functions: Any) -> None:
    s3, bucket = functions.server.client("s3"), f"code-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    code = functions.zip_of({"app.py": VERSION.format(value="first")})
    s3.put_object(Bucket=bucket, Key="function.zip", Body=code)
    name = functions.create("", Code={"S3Bucket": bucket, "S3Key": "function.zip"})
    s3.put_object(
        Bucket=bucket, Key="function.zip", Body=functions.zip_of({"app.py": VERSION.format(value="second")})
    )
    assert functions.invoke(name).json == ["first", "$LATEST"]
    configuration = functions.lam.get_function_configuration(FunctionName=name)
    assert configuration["CodeSha256"] == base64.b64encode(hashlib.sha256(code).digest()).decode()
    functions.lam.update_function_code(FunctionName=name, S3Bucket=bucket, S3Key="function.zip")
    functions.lam.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert functions.invoke(name).json == ["second", "$LATEST"]


def test_new_code_and_new_configuration_get_new_environments(functions: Any) -> None:
    name = functions.create(STREAM)
    first = functions.invoke(name).json
    assert functions.invoke(name).json == first, "a warm environment is used again"
    functions.update(name, STREAM + "# changed\n")
    second = functions.invoke(name).json
    functions.lam.update_function_configuration(FunctionName=name, Environment={"Variables": {"AB": "b"}})
    functions.lam.get_waiter("function_updated_v2").wait(FunctionName=name)
    third = functions.invoke(name).json
    assert len({first, second, third}) == 3
    assert functions.is_alive(third)
    assert not any(map(functions.is_alive, (first, second))), "the environments of old code are retired"


def test_versions_keep_their_code_and_aliases_move(functions: Any) -> None:
    lam, name = functions.lam, functions.create(VERSION.format(value="one"), Publish=True)
    functions.update(name, VERSION.format(value="two"))
    assert lam.publish_version(FunctionName=name)["Version"] == "2"
    assert lam.publish_version(FunctionName=name)["Version"] == "2", "nothing has changed since"
    functions.update(name, VERSION.format(value="three"))
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    assert functions.invoke(name).json == ["three", "$LATEST"]
    answer = functions.invoke(name, Qualifier="live")
    assert (answer.json, answer.version) == (["one", "1"], "1")
    lam.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
    assert functions.invoke(name, Qualifier="live").json == ["two", "2"]
    assert functions.invoke(name, Qualifier="1").json == ["one", "1"]
    assert functions.invoke(name, Qualifier="$LATEST").json == ["three", "$LATEST"]
    pages = lam.get_paginator("list_functions").paginate(FunctionVersion="ALL")
    listed = [function for page in pages for function in page["Functions"]]
    assert sorted(f["Version"] for f in listed if f["FunctionName"] == name) == ["$LATEST", "1", "2"]


def test_versions_are_listed_by_name_and_by_arn_or_not_at_all(functions: Any) -> None:
    name = functions.create(STREAM, Publish=True)
    for reference in (name, f"arn:aws:lambda:us-east-1:123456789012:function:{name}"):
        versions = functions.lam.list_versions_by_function(FunctionName=reference)["Versions"]
        assert [version["Version"] for version in versions] == ["$LATEST", "1"]
    with pytest.raises(ClientError, match="Function not found"):
        functions.lam.list_versions_by_function(FunctionName="no-such-function")


def test_an_alias_shifts_traffic_by_weight(functions: Any) -> None:
    lam, name = functions.lam, functions.create(VERSION.format(value="one"), Publish=True)
    functions.update(name, VERSION.format(value="two"))
    lam.publish_version(FunctionName=name)
    routing = {"AdditionalVersionWeights": {"2": 0.5}}
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1", RoutingConfig=routing)
    seen = {functions.invoke(name, Qualifier="live").version for _ in range(40)}
    assert seen == {"1", "2"}


@pytest.mark.parametrize(
    "form", ["{name}", "{name}:live", "123456789012:function:{name}", "{arn}", "{arn}:live"]
)
def test_every_form_of_a_function_name_works(functions: Any, form: str) -> None:
    name = functions.create(VERSION.format(value="one"), Publish=True)
    functions.lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    expected = "1" if form.endswith("live") else "$LATEST"
    assert functions.invoke(form.format(name=name, arn=arn)).version == expected


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"FunctionName": "a" * 65}, "ValidationException", "functionName"),
        ({"Timeout": 901}, "ValidationException", "less than or equal to 900"),
        ({"MemorySize": 20000}, "ValidationException", "less than or equal to 10240"),
        (
            {"Code": {"ZipFile": b"not a zip"}},
            "InvalidParameterValueException",
            "Could not unzip uploaded file.",
        ),
        (
            {"Code": {"S3Bucket": "no-such-bucket", "S3Key": "k"}},
            "InvalidParameterValueException",
            "NoSuchBucket",
        ),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "InvalidParameterValueException", "AWS_REGION"),
        ({"Environment": {"Variables": {"AB": "x" * 5000}}}, "InvalidParameterValueException", "4KB limit"),
        (
            {"Role": "arn:aws:iam::123456789012:role/none"},
            "InvalidParameterValueException",
            "cannot be assumed",
        ),
        ({"Role": "arn:aws:iam::210987654321:role/other"}, "AccessDeniedException", "Cross-account"),
    ],
)
def test_what_cannot_work_is_refused_at_once(
    functions: Any, options: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(ClientError) as error:
        functions.create(STREAM, **options)
    assert code_of(error) == (code, 403 if code == "AccessDeniedException" else 400)
    assert message in str(error.value)


def test_a_role_that_lambda_may_not_assume_is_refused(functions: Any) -> None:
    trust = {
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ]
    }
    role = functions.make_role(f"ec2-{uuid.uuid4().hex[:8]}", trust)
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        functions.create(STREAM, Role=role)


def test_a_missing_object_is_refused_and_a_refused_update_changes_nothing(functions: Any) -> None:
    bucket, name = f"code-{uuid.uuid4().hex[:8]}", functions.create(STREAM)
    functions.server.client("s3").create_bucket(Bucket=bucket)
    before = functions.lam.get_function_configuration(FunctionName=name)["CodeSha256"]
    with pytest.raises(ClientError, match="NoSuchKey"):
        functions.lam.update_function_code(FunctionName=name, S3Bucket=bucket, S3Key="none.zip")
    with pytest.raises(ClientError, match="Could not unzip"):
        functions.lam.update_function_code(FunctionName=name, ZipFile=b"PK nonsense")
    after = functions.lam.get_function_configuration(FunctionName=name)
    assert (after["CodeSha256"], after["LastUpdateStatus"]) == (before, "Successful")
    assert functions.invoke(name).error is None


def test_path_traversal_in_the_archive_is_refused(functions: Any) -> None:
    with pytest.raises(ClientError, match="points outside the archive"):
        functions.create(STREAM, Code={"ZipFile": functions.zip_of({"../evil.py": ""})})


def test_code_that_is_corrupt_inside_fails_the_function(functions: Any) -> None:
    code = bytearray(functions.zip_of({"app.py": STREAM}))
    code[45] ^= 0xFF  # a byte of the stored file: its CRC no longer fits
    name = functions.create(STREAM, wait=False, Code={"ZipFile": bytes(code)})
    with pytest.raises(Exception, match="Failed"):
        functions.lam.get_waiter("function_active_v2").wait(FunctionName=name)
    configuration = functions.lam.get_function_configuration(FunctionName=name)
    assert configuration["State"] == "Failed"
    assert "Bad CRC-32" in configuration["StateReason"]
    with pytest.raises(ClientError, match="in the following state: Failed") as error:
        functions.invoke(name)
    assert code_of(error) == ("ResourceConflictException", 409)


def test_a_deleted_function_is_gone_with_its_environments(functions: Any) -> None:
    name = functions.create(STREAM)
    stream = functions.invoke(name).json
    functions.lam.delete_function(FunctionName=name)
    with pytest.raises(ClientError) as error:
        functions.invoke(name)
    assert code_of(error) == ("ResourceNotFoundException", 404)
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    assert error.value.response["Error"]["Message"] == f"Function not found: {arn}"
    deadline = time.monotonic() + 10  # the environment is killed after the answer
    while functions.is_alive(stream) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not functions.is_alive(stream)


def test_reservations_must_leave_a_hundred(functions: Any) -> None:
    name = functions.create(STREAM)
    with pytest.raises(ClientError, match=r"below its minimum value of \[100\]"):
        functions.lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=901)


def stack_of(functions: Any, name: str, answer: str, **more: Any) -> dict[str, Any]:
    """Return the arguments of a stack: code in the template, a role made beside it, numbers as text."""
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": name,
            "Role": functions.role,
            "Runtime": "python3.11",
            "Handler": "index.handler",
            "Timeout": "7",
            "Code": {"ZipFile": f"def handler(event, context):\n    return {answer!r}\n"},
        },
    }
    resources = {"Function": function} | more
    return {"StackName": name, "TemplateBody": json.dumps({"Resources": resources})}


def test_cloudformation_makes_functions_that_run(functions: Any) -> None:
    stack = f"fn-{uuid.uuid4().hex[:8]}"
    permission = {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "FunctionName": {"Ref": "Function"},
            "Action": "lambda:InvokeFunction",
            "Principal": "s3.amazonaws.com",
        },
    }
    cloudformation = functions.server.client("cloudformation")
    cloudformation.create_stack(**stack_of(functions, stack, "from a stack", Permission=permission))
    functions.lam.get_waiter("function_active_v2").wait(FunctionName=stack)
    assert functions.invoke(stack).json == "from a stack"
    assert functions.lam.get_function_configuration(FunctionName=stack)["Timeout"] == 7
    policy = json.loads(functions.lam.get_policy(FunctionName=stack)["Policy"])
    assert [statement["Principal"] for statement in policy["Statement"]] == [{"Service": "s3.amazonaws.com"}]


def test_cloudformation_updates_what_runs(functions: Any) -> None:
    stack = f"fn-{uuid.uuid4().hex[:8]}"
    cloudformation = functions.server.client("cloudformation")
    cloudformation.create_stack(**stack_of(functions, stack, "first"))
    functions.lam.get_waiter("function_active_v2").wait(FunctionName=stack)
    assert functions.invoke(stack).json == "first"
    cloudformation.update_stack(**stack_of(functions, stack, "second"))
    functions.lam.get_waiter("function_updated_v2").wait(FunctionName=stack)
    assert functions.invoke(stack).json == "second"
