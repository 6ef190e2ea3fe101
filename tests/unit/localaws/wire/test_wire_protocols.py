"""The same mistake in every protocol, how members are read from each, and what is not looked at."""

import asyncio
import gzip
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from localaws.asgi import Request, Response
from localaws.protocols import Protocol
from localaws.wire import step
from localaws.wire.checks import WrongTypeError
from localaws.wire.compiler import declared_codes, find_compiler, find_model
from localaws.wire.readers import UnreadableError, read_json, read_query, unzip
from localaws.wire.routing import Routes, match_path
from localaws.wire.step import LARGE_BYTES, find_refusal, judge

SCOPE = "AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def request(
    service: str, *, path: str = "/", method: str = "POST", query: str = "", body: bytes = b"", **headers: str
) -> tuple[Request, bytes]:
    """Return a request that is signed for a service, and its body."""

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    named = {name.replace("_", "-"): text for name, text in headers.items()}
    sent = {"authorization": SCOPE.format(service)} | named
    return Request(method=method, path=path, query=query, headers=sent, receive=receive), body


def by_json(service: str, action: str, members: Any) -> Response | None:
    """Judge a call in the JSON protocol."""
    return judge(*request(service, body=json.dumps(members).encode(), x_amz_target=f"Any.{action}"))


def by_form(service: str, action: str, **members: str) -> Response | None:
    """Judge a call in the query or EC2 protocol."""
    body = urlencode({"Action": action} | members).encode()
    return judge(*request(service, body=body, content_type="application/x-www-form-urlencoded"))


def by_rest(path: str, members: Any, *, method: str = "POST", query: str = "") -> Response | None:
    """Judge a call of Lambda's."""
    body = b"" if members is None else json.dumps(members).encode()
    return judge(*request("lambda", path=path, method=method, query=query, body=body))


FUNCTIONS = "/2015-03-31/functions"


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        (
            lambda: by_json("sagemaker", "DescribeModel", {"ModelName": ""}),
            "ValidationException",
            "Value '' at 'modelName' failed to satisfy constraint: Member must satisfy regular expression",
        ),
        (
            lambda: by_json("ssm", "GetParameters", {"Names": []}),
            "ValidationException",
            "Value '[]' at 'names' failed to satisfy constraint: Member must have length greater than or",
        ),
        (
            lambda: by_json("ecr", "CreateRepository", {}),
            "InvalidParameterException",
            "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'Member must not be null'",
        ),
        (
            lambda: by_rest(f"{FUNCTIONS}/f", None, method="GET", query="Qualifier=a+b"),
            "ValidationException",
            "Value 'a b' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression",
        ),
        (
            lambda: by_rest(FUNCTIONS, {"FunctionName": "f", "Role": "r", "Code": {}, "MemorySize": 1}),
            "ValidationException",
            "Value '1' at 'memorySize' failed to satisfy constraint: Member must have value greater than or",
        ),
        (
            lambda: by_form("sns", "CreateTopic"),
            "ValidationError",
            "Value null at 'name' failed to satisfy constraint: Member must not be null",
        ),
        (
            lambda: by_form("sts", "GetSessionToken", DurationSeconds="1"),
            "ValidationError",
            "Value '1' at 'durationSeconds' failed to satisfy constraint: Member must have value greater",
        ),
        (
            lambda: by_form(
                "iam",
                "TagUser",
                UserName="u",
                **{"Tags.member.1.Key": "k", "Tags.member.1.Value": "", "Tags.member.2.Value": "v"},
            ),
            "ValidationError",
            "Value null at 'tags.2.member.key' failed to satisfy constraint: Member must not be null",
        ),
        (
            lambda: by_form("ec2", "DeleteTags"),
            "MissingParameter",
            "The request must contain the parameter Resources",
        ),
        (
            lambda: by_json("sqs", "SendMessage", {}),
            "MissingParameter",
            "The request must contain the parameter QueueUrl",
        ),
    ],
    ids=[
        "json",
        "json list",
        "own code",
        "query of a path",
        "rest-json",
        "query",
        "number",
        "nested",
        "ec2",
        "sqs",
    ],
)
def test_each_protocol_has_its_own_form_of_a_refusal(call: Any, code: str, said: str) -> None:
    answer = call()
    assert answer.status == 400
    text = answer.body.decode().replace("&apos;", "'").replace("&#39;", "'")
    assert said in text
    if answer.headers["content-type"].startswith("application/"):
        assert answer.headers["x-amzn-errortype"] == code
    else:
        assert f"<Code>{code}</Code>" in text


@pytest.mark.parametrize(
    "sent",
    [
        request("s3", path="/bucket", method="PUT"),
        request("dynamodb", body=b"{}", x_amz_target="DynamoDB_20120810.GetItem"),
        request("sagemaker", body=b"{}", x_amz_target="SageMaker.NoSuchAction"),
        request("lambda", path="/no/such/path", body=b"{"),
    ],
    ids=["S3, which checks by itself", "another service", "another action", "another path"],
)
def test_what_is_not_looked_at(sent: tuple[Request, bytes]) -> None:
    assert judge(*sent) is None


@pytest.mark.parametrize("headers", [{"authorization": ""}, {"authorization": "Bearer x"}])
def test_nobody_s_body_is_read_who_did_not_sign(headers: dict[str, str]) -> None:
    async def never() -> Any:
        raise AssertionError("the body was read")

    sent = Request(method="POST", path="/", query="", headers=headers, receive=never)
    assert asyncio.run(find_refusal(sent)) is None
    other = Request(
        method="PUT", path="/b/k", query="", headers={"authorization": SCOPE.format("s3")}, receive=never
    )
    assert asyncio.run(find_refusal(other)) is None


def test_a_large_body_is_judged_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[Any] = []

    async def to_thread(work: Any, *arguments: Any) -> Any:
        threads.append(work)
        return work(*arguments)

    monkeypatch.setattr(step.asyncio, "to_thread", to_thread)
    for size, expected in ((10, 0), (LARGE_BYTES, 1)):
        body = json.dumps({"ModelName": "m" * size + "_"}).encode()
        sent, _ = request("sagemaker", body=body, x_amz_target="SageMaker.DescribeModel")
        answer = asyncio.run(find_refusal(sent))
        assert answer is not None
        assert len(threads) == expected


def read_form(service: str, action: str, form: str) -> dict[str, Any]:
    """Return the members of a form."""
    compiler = find_compiler(service)
    assert compiler is not None
    protocol = Protocol.EC2 if service == "ec2" else Protocol.QUERY
    return read_query(compiler.model.operation_model(action).input_shape, form.encode(), protocol=protocol)


@pytest.mark.parametrize(
    ("service", "action", "form", "members"),
    [
        ("iam", "ListUsers", "MaxItems=5&PathPrefix=%2Fa+b%2F", {"MaxItems": 5, "PathPrefix": "/a b/"}),
        ("iam", "ListUsers", "MaxItems=5&MaxItems=6", {"MaxItems": 5}),
        ("iam", "ListUsers", "Unknown=1&Action=ListUsers&Version=2010-05-08", {}),
        (
            "iam",
            "TagUser",
            "Tags.member.2.Key=b&Tags.member.1.Key=a&Tags.member.10.Key=c",
            {"Tags": [{"Key": "a"}, {"Key": "b"}, {"Key": "c"}]},
        ),
        ("iam", "TagUser", "Tags=", {"Tags": []}),
        ("iam", "TagUser", "Tags.member.x.Key=a", {"Tags": []}),
        ("iam", "TagUser", f"Tags.member.{'1' * 5000}.Key=a", {"Tags": []}),
        (
            "sns",
            "CreateTopic",
            "Attributes.entry.1.key=A&Attributes.entry.1.value=1&Attributes.entry.2.key=B",
            {"Attributes": {"A": "1", "B": None}},
        ),
        ("cloudformation", "ListStacks", "StackStatusFilter.member.1=X", {"StackStatusFilter": ["X"]}),
        ("cloudformation", "CreateStack", "DisableRollback=TRUE", {"DisableRollback": True}),
        ("cloudformation", "CreateStack", "DisableRollback=yes", {"DisableRollback": "yes"}),
        ("ec2", "DescribeVpcs", "VpcId.1=a&VpcId.2=b&MaxResults=5", {"VpcId": ["a", "b"], "MaxResults": 5}),
    ],
)
def test_forms_are_read_by_the_shape(service: str, action: str, form: str, members: dict[str, Any]) -> None:
    assert read_form(service, action, form) == members


@pytest.mark.parametrize(
    ("service", "action", "form"),
    [
        ("iam", "ListUsers", "MaxItems="),
        ("iam", "ListUsers", "MaxItems=5.0"),
        ("cloudwatch", "GetMetricStatistics", "StartTime=yesterday-ish"),
        ("cloudwatch", "PutMetricData", "MetricData.member.1.Value=much"),
    ],
)
def test_a_text_that_is_no_number_or_time_is_of_another_type(service: str, action: str, form: str) -> None:
    with pytest.raises(WrongTypeError, match="is not a value of type"):
        read_form(service, action, form)


def test_a_form_that_is_no_text_cannot_be_read() -> None:
    compiler = find_compiler("iam")
    assert compiler is not None
    with pytest.raises(UnreadableError):
        read_query(
            compiler.model.operation_model("ListUsers").input_shape, b"\xff\xfe", protocol=Protocol.QUERY
        )


@pytest.mark.parametrize(
    ("body", "members"),
    [
        (b"", {}),
        (b"  \n", {}),
        (b"{}", {}),
        (b'{"a": [1, 2.5, null, "\xc3\xbc"]}', {"a": [1, 2.5, None, "ü"]}),
    ],
)
def test_json_is_read_and_nothing_is_no_members(body: bytes, members: Any) -> None:
    assert read_json(body) == members


@pytest.mark.parametrize(
    "body", [b"{", b"{'a': 1}", b'{"a": NaN}', b'{"a": -Infinity}', b"[" * 100_000, b'"\\ud800"', b"\xff"]
)
def test_what_is_no_json_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        read_json(body)


@pytest.mark.parametrize("size", [0, 1, 999, 1000])
def test_a_body_of_one_or_more_gzips_is_unzipped(size: int) -> None:
    packed = gzip.compress(bytes(size // 2)) + gzip.compress(bytes(size - size // 2))
    assert unzip(packed, max_bytes=1000) == bytes(size)


@pytest.mark.parametrize(
    "body", [b"no gzip", gzip.compress(b"cut off", mtime=0)[:12], gzip.compress(bytes(1001), mtime=0)]
)
def test_what_is_no_gzip_or_too_large_without_it_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        unzip(body, max_bytes=1000)


@pytest.mark.parametrize(
    ("uri", "path", "labels"),
    [
        ("/a/{Name}", "/a/b", {"Name": "b"}),
        ("/a/{Name}", "/a/b/", {"Name": "b"}),
        ("/a/{Name}", "/a/b%2Fc%20d", {"Name": "b/c d"}),
        ("/a/{Name}", "/a/b/c", None),
        ("/a/{Name}", "/a/", None),
        ("/a/{Name+}", "/a/b/c", {"Name": "b/c"}),
        ("/a/{X}/b/{Y}", "/a/1/b/2", {"X": "1", "Y": "2"}),
        ("/a.b", "/axb", None),
        ("/a?list", "/a", {}),
    ],
)
def test_paths_are_matched_with_their_labels(uri: str, path: str, labels: dict[str, str] | None) -> None:
    assert match_path(uri, path) == labels


MODEL = {
    "metadata": {"protocol": "rest-json"},
    "operations": {
        "Get": {"http": {"method": "GET", "requestUri": "/things/{Id}"}},
        "List": {"http": {"method": "GET", "requestUri": "/things/all"}},
        "Tags": {"http": {"method": "GET", "requestUri": "/things/{Id}?tags"}},
        "Put": {"http": {"method": "PUT", "requestUri": "/things/{Id}"}},
    },
}


@pytest.mark.parametrize(
    ("method", "path", "query", "operation"),
    [
        ("GET", "/things/1", "", "Get"),
        ("GET", "/things/all", "", "List"),
        ("GET", "/things/1", "tags=", "Tags"),
        ("GET", "/things/1", "other=1", "Get"),
        ("PUT", "/things/1", "", "Put"),
        ("DELETE", "/things/1", "", None),
        ("GET", "/things", "", None),
    ],
)
def test_of_several_routes_the_one_with_the_most_fixed_letters_is_meant(
    method: str, path: str, query: str, operation: str | None
) -> None:
    assert Routes(MODEL).find(method=method, path=path, query=query) == operation


def test_services_and_operations_that_there_are_not() -> None:
    assert find_model("no-such-service") is None
    assert find_compiler("no-such-service") is None
    assert declared_codes("no-such-service", "Act") == frozenset()
    assert declared_codes("sagemaker", "NoSuchAction") == frozenset()
    assert "ResourceLimitExceeded" in declared_codes("sagemaker", "CreateModelPackage")
