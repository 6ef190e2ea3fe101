"""What Lambda's actions answer: members, statuses, revisions, errors."""

import json
import urllib.error
import urllib.request
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

CODE = "def handler(event, context):\n    return 1\n"
OTHER = "def handler(event, context):\n    return 2\n"


def test_a_configuration_has_the_members_that_aws_gives(functions: Any) -> None:
    name = functions.create(CODE)
    found = functions.lam.get_function_configuration(FunctionName=name)
    uuid.UUID(found["RevisionId"])
    assert found["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"}
    assert found["RuntimeVersionConfig"]["RuntimeVersionArn"].startswith("arn:aws:lambda:us-east-1::runtime:")
    assert found["SnapStart"] == {"ApplyOn": "None", "OptimizationStatus": "Off"}
    assert (found["EphemeralStorage"], found["PackageType"]) == ({"Size": 512}, "Zip")
    assert found["LastModified"].endswith("+0000")
    absent = {"Layers", "VpcConfig", "KMSKeyArn", "Environment", "StateReason", "LastUpdateStatusReason"}
    assert not absent & found.keys()
    listed = functions.lam.list_versions_by_function(FunctionName=name)["Versions"][0]
    assert not {"State", "LastUpdateStatus", "RuntimeVersionConfig"} & listed.keys()


def test_what_was_asked_for_is_what_is_answered(functions: Any) -> None:
    queue = "arn:aws:sqs:us-east-1:123456789012:dead"
    options = {
        "DeadLetterConfig": {"TargetArn": queue},
        "EphemeralStorage": {"Size": 1024},
        "LoggingConfig": {"LogFormat": "JSON"},
        "Environment": {"Variables": {}},
    }
    name = functions.create(CODE, **options)
    found = functions.lam.get_function_configuration(FunctionName=name)
    assert {key: found[key] for key in options if key != "LoggingConfig"} == {
        key: value for key, value in options.items() if key != "LoggingConfig"
    }
    assert found["LoggingConfig"]["ApplicationLogLevel"] == "INFO"
    changed = functions.lam.update_function_configuration(
        FunctionName=name, EphemeralStorage={"Size": 2048}, TracingConfig={"Mode": "Active"}
    )
    assert (changed["EphemeralStorage"], changed["TracingConfig"]) == ({"Size": 2048}, {"Mode": "Active"})


def test_an_answer_tells_the_state_before_its_work_is_done(functions: Any) -> None:
    """AWS always answers Pending to a creation and InProgress to an update, however quick it is."""
    name = functions.create(CODE, Publish=True)
    for _ in range(5):
        answer = functions.lam.update_function_code(FunctionName=name, ZipFile=zip_of(functions, OTHER))
        assert (answer["LastUpdateStatus"], answer["LastUpdateStatusReasonCode"]) == (
            "InProgress",
            "Creating",
        )
        assert answer["LastUpdateStatusReason"] == "The function is being created."
        functions.lam.get_waiter("function_updated_v2").wait(FunctionName=name)
    published = functions.lam.update_function_code(
        FunctionName=name, ZipFile=zip_of(functions, CODE + "# new\n"), Publish=True
    )
    assert (published["Version"], published["State"]) == ("2", "Pending")
    functions.lam.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="2")
    assert functions.invoke(name, Qualifier="2").json == 1


def zip_of(functions: Any, source: str) -> bytes:
    """Return an archive of the module `app`."""
    return bytes(functions.zip_of({"app.py": source}))


def test_a_revision_that_is_not_the_latest_changes_nothing(functions: Any) -> None:
    lam, name = functions.lam, functions.create(CODE)
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST")
    old = str(uuid.uuid4())
    calls = [
        lambda: lam.update_function_configuration(FunctionName=name, Description="x", RevisionId=old),
        lambda: lam.update_function_code(FunctionName=name, ZipFile=zip_of(functions, OTHER), RevisionId=old),
        lambda: lam.publish_version(FunctionName=name, RevisionId=old),
        lambda: lam.update_alias(FunctionName=name, Name="live", RevisionId=old),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        response = error.value.response
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 412
        assert response["Error"]["Code"] == "PreconditionFailedException"
        assert "Call the GetFunction/GetAlias API" in response["Error"]["Message"]
    revision = lam.get_function_configuration(FunctionName=name)["RevisionId"]
    answer = lam.update_function_configuration(FunctionName=name, Description="x", RevisionId=revision)
    assert answer["RevisionId"] != revision


def test_a_version_is_published_of_the_code_that_was_meant(functions: Any) -> None:
    lam, name = functions.lam, functions.create(CODE)
    sha = lam.get_function_configuration(FunctionName=name)["CodeSha256"]
    with pytest.raises(ClientError, match=r"CodeSHA256 \(other\) is different from current CodeSHA256"):
        lam.publish_version(FunctionName=name, CodeSha256="other")
    answer = lam.publish_version(FunctionName=name, CodeSha256=sha, Description="first")
    assert (answer["Version"], answer["State"], answer["Description"]) == ("1", "Active", "first")
    assert answer["FunctionArn"].endswith(f":{name}:1")


def test_statuses_are_those_of_the_api(functions: Any) -> None:
    lam, name = functions.lam, functions.create(CODE)
    statement = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"}
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    calls = [
        (201, lambda: lam.create_alias(FunctionName=name, Name="a", FunctionVersion="$LATEST")),
        (200, lambda: lam.get_alias(FunctionName=name, Name="a")),
        (200, lambda: lam.update_alias(FunctionName=name, Name="a", Description="x")),
        (204, lambda: lam.delete_alias(FunctionName=name, Name="a")),
        (201, lambda: lam.add_permission(FunctionName=name, **statement)),
        (204, lambda: lam.remove_permission(FunctionName=name, StatementId="s")),
        (204, lambda: lam.tag_resource(Resource=arn, Tags={"a": "b"})),
        (204, lambda: lam.untag_resource(Resource=arn, TagKeys=["a"])),
        (201, lambda: lam.publish_version(FunctionName=name)),
        (204, lambda: lam.delete_function(FunctionName=name)),
    ]
    for status, call in calls:
        metadata = call()["ResponseMetadata"]
        assert metadata["HTTPStatusCode"] == status
        uuid.UUID(metadata["RequestId"])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("2015-03-31/functions/no-such", ("ResourceNotFoundException", {"Type", "Message"})),
        ("2015-03-31/functions/fn:1?Qualifier=2", ("InvalidParameterValueException", {"Type", "message"})),
        ("2015-03-31/functions/a%20b", ("ValidationException", {"message"})),
    ],
)
def test_an_error_is_written_as_aws_writes_it(
    functions: Any, path: str, expected: tuple[str, set[str]]
) -> None:
    request = urllib.request.Request(
        f"{functions.server.url}/{path}",
        headers={"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request"},
    )
    with pytest.raises(urllib.error.HTTPError) as error, urllib.request.urlopen(request, timeout=30):
        pass
    with error.value as answer:
        document = json.load(answer)
        assert (answer.headers["x-amzn-errortype"], document.keys()) == expected
        assert document.get("Type", "User") == "User"


@pytest.mark.parametrize(
    ("runtime", "message"),
    [
        ("python3.7", "The runtime parameter of python3.7 is no longer supported for creating or updating"),
        (
            "cobol",
            "Value cobol at 'runtime' failed to satisfy constraint: Member must satisfy enum",
        ),
    ],
)
def test_a_runtime_that_aws_does_not_take_is_refused(functions: Any, runtime: str, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        functions.create(CODE, Runtime=runtime)
    name = functions.create(CODE)
    with pytest.raises(ClientError, match=message):
        functions.lam.update_function_configuration(FunctionName=name, Runtime=runtime)


def test_lists_come_in_pages(functions: Any) -> None:
    lam, name = functions.lam, functions.create(CODE)
    for alias in "abc":
        lam.create_alias(FunctionName=name, Name=alias, FunctionVersion="$LATEST")
    first = lam.list_aliases(FunctionName=name, MaxItems=2)
    second = lam.list_aliases(FunctionName=name, MaxItems=2, Marker=first["NextMarker"])
    assert [alias["Name"] for page in (first, second) for alias in page["Aliases"]] == ["a", "b", "c"]
    assert "NextMarker" not in second
    with pytest.raises(ClientError, match="Invalid Marker"):
        lam.list_aliases(FunctionName=name, Marker="?")


def test_a_second_function_of_a_name_is_a_conflict(functions: Any) -> None:
    name = functions.create(CODE)
    with pytest.raises(ClientError, match=f"Function already exist: {name}") as error:
        functions.create(CODE, FunctionName=name)
    assert error.value.response["Error"]["Code"] == "ResourceConflictException"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "SerializationException"),
        (b"\xff", "SerializationException"),
        (b"[]", "SerializationException"),
        (b"{}", "ValidationException"),
        (b'{"Name": 1, "FunctionVersion": "1"}', "SerializationException"),
        (b'{"Name": "a", "FunctionVersion": "1", "RoutingConfig": []}', "SerializationException"),
        (b'{"Name": null, "FunctionVersion": "1"}', "ValidationException"),
    ],
)
def test_a_body_that_is_no_request_is_a_bad_one(functions: Any, body: bytes, code: str) -> None:
    name = functions.create(CODE)
    signature = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request"
    request = urllib.request.Request(
        f"{functions.server.url}/2015-03-31/functions/{name}/aliases",
        data=body,
        headers={"Authorization": signature, "Content-Type": "application/json"},
    )
    with pytest.raises(urllib.error.HTTPError) as error, urllib.request.urlopen(request, timeout=30):
        pass
    with error.value as answer:
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, code)
