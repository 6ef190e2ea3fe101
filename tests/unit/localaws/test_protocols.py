"""Which action a request asks for, and errors that botocore's own parsers read."""

from typing import Any
from xml.etree import ElementTree

import botocore.session
import pytest
from botocore.awsrequest import AWSRequest
from botocore.parsers import create_parser

from localaws.protocols import Call, Protocol, error_answer, not_implemented, read_call

SCOPE = "AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"

REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("service-quotas", "ListServiceQuotas", {"ServiceCode": "sagemaker"}),
    ("cloudwatch", "ListMetrics", {}),
    ("iam", "ListServerCertificates", {}),
    ("ec2", "DescribeTrunkInterfaceAssociations", {}),
    ("lambda", "GetAccountSettings", {}),
    ("lambda", "GetFunctionConcurrency", {"FunctionName": "arn:aws:lambda:us-east-1:1:function:f"}),
    ("s3", "GetBucketReplication", {"Bucket": "photos"}),
]
"""Service, action and parameters: each of the six protocols."""


def build_request(service: str, action: str, parameters: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return botocore's model of the action, and the request that a client would send."""
    model = botocore.session.get_session().get_service_model(service)
    from botocore.serialize import create_serializer

    request = create_serializer(model.resolved_protocol).serialize_to_request(
        parameters, model.operation_model(action)
    )
    prepared = AWSRequest(
        method=request["method"],
        url=f"http://localhost{request['url_path']}",
        headers=request["headers"],
        data=request["body"],
    ).prepare()
    headers = {name.lower(): str(value) for name, value in prepared.headers.items()}
    body = prepared.body or b""
    return model, {
        "method": request["method"],
        "path": request["url_path"].partition("?")[0],
        "query": request["url_path"].partition("?")[2],
        "headers": headers | {"authorization": SCOPE.format(model.signing_name)},
        "body": body if isinstance(body, bytes) else body.encode(),
    }


@pytest.mark.parametrize(("service", "action", "parameters"), REQUESTS)
def test_a_clients_request_tells_service_action_and_protocol(
    service: str, action: str, parameters: dict[str, Any]
) -> None:
    model, sent = build_request(service, action, parameters)
    call = read_call(**sent)
    assert call is not None
    assert call.service == model.signing_name
    assert call.protocol.value == model.resolved_protocol
    assert call.action == action


@pytest.mark.parametrize(("service", "action", "parameters"), REQUESTS)
def test_botocore_reads_the_error_and_does_not_ask_again(
    service: str, action: str, parameters: dict[str, Any]
) -> None:
    model, sent = build_request(service, action, parameters)
    call = read_call(**sent)
    assert call is not None
    answer = not_implemented(call)
    parsed = create_parser(model.resolved_protocol).parse(
        {"status_code": answer.status, "headers": answer.headers, "body": answer.body},
        model.operation_model(action).output_shape,
    )
    assert parsed["Error"]["Message"] == f"localaws does not implement {model.signing_name}:{call.action}"
    assert parsed["Error"]["Code"] in ("UnknownOperationException", "InvalidAction", "NotImplemented")
    assert parsed["ResponseMetadata"]["HTTPStatusCode"] not in (500, 502, 503, 504)


def test_an_unsigned_request_is_of_no_service() -> None:
    assert read_call(method="GET", path="/", query="", headers={}, body=b"") is None


def test_a_service_without_a_model_is_named_by_method_and_path() -> None:
    headers = {"authorization": SCOPE.format("no-such-service")}
    call = read_call(method="GET", path="/things/1", query="", headers=headers, body=b"")
    assert call == Call(service="no-such-service", action="GET /things/1", protocol=Protocol.REST_JSON)


@pytest.mark.parametrize("protocol", [Protocol.QUERY, Protocol.EC2, Protocol.REST_XML])
def test_a_message_cannot_close_the_element_it_stands_in(protocol: Protocol) -> None:
    call = Call(service="iam", action="</Message>", protocol=protocol)
    answer = error_answer(call, status=400, code="InvalidAction", message="a </Message> & b")
    assert b"a &lt;/Message&gt; &amp; b" in answer.body


@pytest.mark.parametrize(("service", "action", "parameters"), REQUESTS)
@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, "ThrottlingException", "Rate exceeded"),
        (503, "SlowDown", "Please reduce your request rate."),
        (400, "ValidationException", 'a "quoted" <tag> & \u2603\nof two lines'),
        (403, "AccessDenied", "No"),
    ],
)
def test_an_error_is_read_by_botocore_as_it_was_meant(
    service: str, action: str, parameters: dict[str, Any], status: int, code: str, message: str
) -> None:
    model, sent = build_request(service, action, parameters)
    call = read_call(**sent)
    assert call is not None
    answer = error_answer(call, status=status, code=code, message=message)
    parsed = create_parser(model.resolved_protocol).parse(
        {"status_code": answer.status, "headers": answer.headers, "body": answer.body},
        model.operation_model(action).output_shape,
    )
    assert parsed["Error"]["Code"] == code
    assert parsed["Error"]["Message"] == message
    assert parsed["ResponseMetadata"]["HTTPStatusCode"] == status
    assert answer.headers["x-amzn-requestid"] == parsed["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize(
    ("headers", "body", "call"),
    [
        (
            {"x-amz-target": "SageMaker.DescribeEndpoint"},
            b"",
            Call(service="sagemaker", action="DescribeEndpoint", protocol=Protocol.JSON),
        ),
        (
            {"x-amz-target": "odd"},
            b"",
            Call(service="sagemaker", action="odd", protocol=Protocol.JSON),
        ),
        (
            {"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
            b"Version=1&Action=ListUsers",
            Call(service="sagemaker", action="ListUsers", protocol=Protocol.QUERY),
        ),
        (
            {"content-type": "application/x-www-form-urlencoded"},
            b"Version=1",
            Call(service="sagemaker", action="?", protocol=Protocol.QUERY),
        ),
        (
            {"content-type": "application/x-www-form-urlencoded"},
            b"Action=A&Action=B",
            Call(service="sagemaker", action="A", protocol=Protocol.QUERY),
        ),
    ],
    ids=["target", "odd target", "form", "no action", "two actions"],
)
def test_the_action_stands_in_the_target_or_else_in_the_form(
    headers: dict[str, str], body: bytes, call: Call
) -> None:
    signed = headers | {"authorization": SCOPE.format("sagemaker")}
    assert read_call(method="POST", path="/", query="", headers=signed, body=body) == call


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer token",
        "AWS test:signature",
        "AWS4-HMAC-SHA256 Credential=test",
        "AWS4-HMAC-SHA256 Credential=a/2026/us-east-1/s3/aws4_request",
        "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/other",
    ],
)
def test_what_is_signed_otherwise_names_no_service(authorization: str) -> None:
    headers = {"authorization": authorization}
    assert read_call(method="GET", path="/", query="", headers=headers, body=b"") is None


@pytest.mark.parametrize("region", ["us-east-1", "", "cn-north-1", "*"])
def test_a_service_s_name_is_taken_in_any_case_and_region(region: str) -> None:
    authorization = f"AWS4-HMAC-SHA256 Credential=a/20260101/{region}/Lambda/aws4_request"
    call = read_call(
        method="GET",
        path="/2015-03-31/functions/",
        query="",
        headers={"authorization": authorization},
        body=b"",
    )
    assert call == Call(service="lambda", action="ListFunctions", protocol=Protocol.REST_JSON)


@pytest.mark.parametrize("protocol", [Protocol.QUERY, Protocol.EC2, Protocol.REST_XML])
@pytest.mark.parametrize("letter", ["\x00", "\x01", "\x0b", "\x1f", "\ufffe", "\ud800"])
def test_a_letter_that_xml_cannot_hold_does_not_cost_the_client_the_answer(
    protocol: Protocol, letter: str
) -> None:
    """It may come from the request, as a name that is not known."""
    call = Call(service="iam", action=f"a{letter}b", protocol=protocol)
    answer = not_implemented(call)
    text = "".join(ElementTree.fromstring(answer.body).itertext())  # noqa: S314 - it is ours
    assert "localaws does not implement iam:a\ufffdb" in text


@pytest.mark.parametrize(
    ("method", "query", "is_copy", "action"),
    [
        ("PUT", "", False, "PutObject"),
        ("PUT", "", True, "CopyObject"),
        ("PUT", "partNumber=1&uploadId=u", False, "UploadPart"),
        ("PUT", "partNumber=1&uploadId=u", True, "UploadPartCopy"),
        ("DELETE", "", False, "DeleteObject"),
        ("DELETE", "uploadId=u", False, "AbortMultipartUpload"),
        ("GET", "", False, "GetObject"),
        ("GET", "uploadId=u", False, "ListParts"),
        ("POST", "uploadId=u", False, "CompleteMultipartUpload"),
    ],
)
def test_of_s3_s_operations_with_one_address_it_is_the_one_that_finds_what_it_needs(
    method: str, query: str, is_copy: bool, action: str
) -> None:
    headers = {"authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request"}
    copied = {"x-amz-copy-source": "/b/other"} if is_copy else {}
    call = read_call(method=method, path="/b/k", query=query, headers=headers | copied, body=b"")
    assert call == Call(service="s3", action=action, protocol=Protocol.REST_XML)


def test_an_operation_that_is_no_longer_to_be_used_gives_way_to_its_successor() -> None:
    headers = {"authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request"}
    call = read_call(method="GET", path="/b", query="lifecycle", headers=headers, body=b"")
    assert call is not None
    assert call.action == "GetBucketLifecycleConfiguration"


@pytest.mark.parametrize(("status", "fault"), [(400, "Sender"), (500, "Receiver"), (503, "Receiver")])
def test_a_form_s_error_says_whose_fault_it_is(status: int, fault: str) -> None:
    call = Call(service="iam", action="ListRoles", protocol=Protocol.QUERY)
    answer = error_answer(call, status=status, code="Code", message="message")
    assert f"<Type>{fault}</Type>".encode() in answer.body
