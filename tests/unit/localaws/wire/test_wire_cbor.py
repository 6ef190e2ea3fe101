"""Requests in CBOR, as newer SDKs write them, and answers that they read."""

import asyncio
import gzip
import json
import struct
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.parsers import RpcV2CBORParser
from botocore.serialize import RpcV2CBORSerializer

from localaws.asgi import Message, Request, Response
from localaws.steps import Exchange
from localaws.wire.cbor import as_json, read_cbor, speak_cbor
from localaws.wire.compiler import find_model

MODEL = find_model("cloudwatch")
SCOPE = "AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
PATH = "/service/GraniteServiceVersion20100801/operation/{}"
METRIC = {"Namespace": "N", "MetricData": [{"MetricName": "m", "Value": 1.5, "Unit": "Count"}]}


class Chain:
    """The rest of the chain: it keeps the JSON request, and answers as it is told."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer
        self.seen: Exchange | None = None
        self.members: Any = None

    async def __call__(self, exchange: Exchange) -> None:
        """Answer a request."""
        self.seen, self.members = exchange, json.loads(await exchange.request.body())
        await self.answer.send(exchange.send)


def send(
    chain: Chain, action: str, body: bytes, *, service: str = "monitoring", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Send a body to an action; return status, headers and body of the answer."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def collect(message: Message) -> None:
        sent.append(message)

    request = Request(
        method="POST",
        path=PATH.format(action),
        query="",
        headers={"smithy-protocol": "rpc-v2-cbor", "authorization": SCOPE.format(service)} | headers,
        receive=receive,
    )
    scope = {"type": "http", "method": "POST", "path": request.path}
    asyncio.run(speak_cbor(Exchange(request=request, scope=scope, send=collect, handler=None), chain))
    head = {name.decode(): text.decode() for name, text in sent[0]["headers"]}
    return sent[0]["status"], head, b"".join(message["body"] for message in sent[1:])


def write(action: str, members: dict[str, Any]) -> bytes:
    """Return the body that botocore writes."""
    sent = RpcV2CBORSerializer().serialize_to_request(members, MODEL.operation_model(action))
    return bytes(sent["body"])


def read(action: str, answer: tuple[int, dict[str, str], bytes]) -> Any:
    """Return what botocore reads."""
    status, headers, body = answer
    shape = MODEL.operation_model(action).output_shape
    return RpcV2CBORParser().parse({"status_code": status, "headers": headers, "body": body}, shape)


def test_a_request_goes_on_as_json_with_the_same_members() -> None:
    chain = Chain(Response(body=b"{}"))
    status, headers, _ = send(chain, "PutMetricData", write("PutMetricData", METRIC))
    assert status == 200
    assert (headers["content-type"], headers["smithy-protocol"]) == ("application/cbor", "rpc-v2-cbor")
    assert chain.members == METRIC
    assert chain.seen is not None
    assert chain.seen.request.headers["x-amz-target"] == "GraniteServiceVersion20100801.PutMetricData"
    assert chain.seen.scope["path"] == chain.seen.request.path == "/"
    assert "smithy-protocol" not in chain.seen.request.headers


def test_times_blobs_and_numbers_that_are_none_become_those_of_json() -> None:
    at = datetime(2026, 11, 28, 12, tzinfo=UTC)
    chain = Chain(Response(body=b"{}"))
    members = {"Namespace": "N", "MetricData": [{"MetricName": "m", "Timestamp": at, "Values": [1.0, 2.5]}]}
    send(chain, "PutMetricData", write("PutMetricData", members))
    assert chain.members["MetricData"][0] == {
        "MetricName": "m",
        "Timestamp": at.timestamp(),
        "Values": [1.0, 2.5],
    }
    special = {"a": b"abc", "b": float("nan"), "c": [float("inf"), -float("inf")], "d": None, "e": -5}
    assert as_json(special) == {"a": "YWJj", "b": "NaN", "c": ["Infinity", "-Infinity"], "d": None, "e": -5}


def test_an_answer_has_the_types_of_the_model() -> None:
    results = [{"Id": "a", "Timestamps": [1764331200.0], "Values": [2]}]
    body = json.dumps({"Messages": [], "MetricDataResults": results}).encode()
    chain = Chain(Response(body=body, headers={"x-amzn-requestid": "i"}))
    query = {"MetricDataQueries": [], "StartTime": datetime(2026, 1, 1), "EndTime": datetime(2026, 1, 2)}
    answer = send(chain, "GetMetricData", write("GetMetricData", query))
    found = read("GetMetricData", answer)
    assert found["MetricDataResults"] == [
        {"Id": "a", "Timestamps": [datetime(2025, 11, 28, 12, tzinfo=UTC)], "Values": [2.0]}
    ]
    assert answer[1]["x-amzn-requestid"] == "i"


def test_an_error_keeps_its_status_code_and_sentence() -> None:
    body = json.dumps({"__type": "ValidationError", "message": "größer als erlaubt " * 20}).encode()
    chain = Chain(Response(status=400, body=body, headers={"x-amzn-errortype": "ValidationError"}))
    found = read("PutMetricData", send(chain, "PutMetricData", write("PutMetricData", METRIC)))
    assert found["Error"] == {"Code": "ValidationError", "Message": "größer als erlaubt " * 20}
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_compressed_body_and_one_without_members_are_read() -> None:
    chain = Chain(Response(body=b"{}"))
    packed = gzip.compress(write("PutMetricData", METRIC))
    send(chain, "PutMetricData", packed, **{"content-encoding": "gzip"})
    assert chain.members == METRIC
    assert chain.seen is not None
    assert "content-encoding" not in chain.seen.request.headers
    send(chain, "ListMetrics", b"")
    assert chain.members == {}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xff", id="a break of nothing"),
        pytest.param(b"\xa1", id="a map without its pair"),
        pytest.param(b"\x7b" + struct.pack(">Q", 2**62) + b"abc", id="a text longer than memory"),
        pytest.param(b"\x9b" + struct.pack(">Q", 2**62), id="a list longer than memory"),
        pytest.param(b"\x81" * 20_000, id="deep lists"),
        pytest.param(b"\xa1\xa0\x01", id="a map as a key"),
        pytest.param(b"\xa1\x41a\x01", id="a blob as a key"),
        pytest.param(b"\x61\xff", id="a text that is no UTF-8"),
        pytest.param(b"\xc1\x61a", id="a time that is a text"),
        pytest.param(b"\xc2\x41a", id="a tag that nobody uses"),
        pytest.param(b"\xfe", id="a simple value that there is not"),
        pytest.param(b"{}", id="JSON"),
    ],
)
def test_a_body_that_is_no_cbor_is_refused_and_goes_no_further(body: bytes) -> None:
    chain = Chain(Response())
    found = read("ListMetrics", send(chain, "ListMetrics", body))
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert found["Error"]["Code"] == "SerializationException"
    assert chain.seen is None


def test_texts_and_lists_of_unknown_length_are_read() -> None:
    assert read_cbor(b"\xbf\x61a\x9f\x01\x20\xff\xff") == {"a": [1, -1]}
    assert read_cbor(b"\x7f\x61a\x61b\xff") == "ab"


def test_what_is_not_in_cbor_passes_as_it_is() -> None:
    passed: list[Exchange] = []

    async def forward(exchange: Exchange) -> None:
        passed.append(exchange)

    for path, headers in ((PATH.format("ListMetrics"), {}), ("/", {"smithy-protocol": "rpc-v2-cbor"})):
        request = Request(method="POST", path=path, query="", headers=headers, receive=None)  # type: ignore[arg-type]
        exchange = Exchange(request=request, scope={}, send=None, handler=None)  # type: ignore[arg-type]
        asyncio.run(speak_cbor(exchange, forward))
        assert passed.pop() is exchange


def test_a_service_that_is_not_there_says_so() -> None:
    chain = Chain(Response())
    found = read("ListMetrics", send(chain, "ListBackups", b"\xa0", service="backup-gateway"))
    assert found["Error"] == {
        "Code": "UnknownOperationException",
        "Message": "localaws does not implement backup-gateway:ListBackups",
    }
    assert chain.seen is None
