"""Which action a request asks for, and errors that botocore's own parsers read."""

from typing import Any

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
