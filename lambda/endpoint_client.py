"""Call InvokeEndpoint: signed by hand, over one connection that is kept, with botocore's own retries.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

import contextlib
import http.client
import json
import random
import ssl
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import sigv4
from aws_credentials import RoleCredentials
from lambda_settings import FunctionSettings
from timed_connections import ConnectTimeoutError, open_connection
from timed_sockets import TimedSocket

SERVICE = "sagemaker"
"""The name that SageMaker's runtime is signed for."""
MAX_ATTEMPTS = 2
MIN_RETRY_LIMIT_S = 10.0
"""A function with less time than this makes one attempt."""
LONGEST_PAUSE_S = 1.0
"""botocore's standard mode waits at most this long before the second attempt."""
CONNECT_TIMEOUT_S = 3.0
"""For name, TCP and TLS together: with 256 MB a handshake alone takes some tenths of a second."""
RESERVE_S = 0.5
"""Kept back from the function's own time limit for our answer."""
MAX_ANSWER_S = 62.0
"""SageMaker itself waits 60 s for a container, and says so then."""
MAX_IDLE_S = 300.0
"""A connection that was frozen for longer is not used again: a NAT gateway forgets it after 350 s.
https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html"""
CLOSED_ERRORS = (
    *(ConnectionResetError, BrokenPipeError, ConnectionAbortedError),
    *(ssl.SSLEOFError, ssl.SSLZeroReturnError),
)
STALE_S = 1.0
"""Where the other side has closed a kept connection, it is known as soon as a question is sent. What breaks
later, or in an answer, may break at a model that was asked."""
# What botocore's standard mode repeats, without 504: there the model was asked, and may still be at work.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
RETRIED_STATUSES = frozenset({500, 502, 503})
THROTTLING_CODES = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException"),
        *("RequestThrottled", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"),
        *("BandwidthLimitExceeded", "LimitExceededException", "PriorRequestNotComplete"),
        *("ProvisionedThroughputExceededException", "TransactionInProgressException"),
        *("EC2ThrottledException",),
    }
)
RETRIED_CODES = THROTTLING_CODES | {"RequestTimeout", "RequestTimeoutException"}

Connect = Callable[[float], http.client.HTTPConnection]
"""Opens a connection until a moment of time.monotonic."""


class Reply(NamedTuple):
    """What came back; `code` is AWS's word for an error, empty for a success."""

    status: int
    code: str
    body: bytes

    def fields(self) -> dict[str, Any]:
        """Return an error's members; none where the body is no JSON object."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


class EndpointClient:
    """Invokes one endpoint; one event at a time, as Lambda gives them."""

    def __init__(
        self,
        settings: FunctionSettings,
        credentials: RoleCredentials,
        *,
        connect: Connect | None = None,
        max_answer_bytes: int,
    ) -> None:
        """Open nothing yet; of an answer one byte more than `max_answer_bytes` is read at most."""
        path = f"/endpoints/{quote(settings.endpoint_name, safe='')}/invocations"
        self._url, self._region = f"{settings.base_url}{path}", settings.region
        self._credentials, self._max_bytes = credentials, max_answer_bytes
        self._connect = connect or (lambda deadline: open_connection(settings.base_url, deadline=deadline))
        self._connection: http.client.HTTPConnection | None = None
        self._sock: TimedSocket | None = None
        self._used = 0.0

    def invoke(self, body: bytes, *, content_type: str, remaining_s: float, trace_id: str = "") -> Reply:
        """Return the last attempt's answer; raise its OSError or HTTPException where there is none.

        All attempts together end RESERVE_S before `remaining_s` is over; the first has all of that time. A
        second one begins only where it can last as long as the first, and never where the model was asked
        and did not answer in time: it may still be at work. TimeoutError: no answer in time.
        """
        headers = {"content-type": content_type, "accept": "application/json"}
        request = sigv4.Request("POST", self._url, headers, body)
        deadline = time.monotonic() + remaining_s - RESERVE_S
        attempts = MAX_ATTEMPTS if remaining_s >= MIN_RETRY_LIMIT_S else 1
        for left in reversed(range(attempts)):
            began = time.monotonic()
            pause_s = min(LONGEST_PAUSE_S, random.random())  # noqa: S311 - no secret: it spreads clients out
            try:
                until = min(deadline, began + CONNECT_TIMEOUT_S + MAX_ANSWER_S)
                reply = self._attempt(request, deadline=until, trace_id=trace_id)
            except (OSError, http.client.HTTPException) as error:
                if not left or was_asked_in_vain(error) or not has_room(began, deadline - pause_s):
                    raise
            else:
                if not left or not is_retried(reply) or not has_room(began, deadline - pause_s):
                    return reply
            time.sleep(pause_s)
        raise AssertionError("there is a last attempt")  # pragma: no cover

    def close(self) -> None:
        """End the connection; the next event opens another."""
        connection, self._connection, self._sock = self._connection, None, None
        if connection is not None:
            connection.close()

    def _attempt(self, request: sigv4.Request, *, deadline: float, trace_id: str) -> Reply:
        """Send once, and once more where a connection that was kept turns out to be closed."""
        if time.monotonic() - self._used > MAX_IDLE_S or (self._sock is not None and self._sock.has_news()):
            self.close()  # what comes before a question is no answer to it
        kept = self._sock
        try:
            return self._exchange(request, deadline=deadline, trace_id=trace_id)
        except CLOSED_ERRORS:
            if kept is None or kept.has_begun or time.monotonic() - kept.asked_at > STALE_S:
                raise
        return self._exchange(request, deadline=deadline, trace_id=trace_id)

    def _exchange(self, request: sigv4.Request, *, deadline: float, trace_id: str) -> Reply:
        headers = sigv4.sign(
            request,
            credentials=self._credentials.current(deadline=deadline),
            region=self._region,
            service=SERVICE,
            now=time.time(),
        )
        if trace_id.isascii() and trace_id.isprintable() and trace_id:  # callers write it
            headers["x-amzn-trace-id"] = trace_id
        is_whole = False
        try:
            connection, sock = self._open(deadline)
            sock.begin(deadline)
            connection.request(request.method, urlsplit(request.url).path, body=request.body, headers=headers)
            with contextlib.closing(connection.getresponse()) as answer:
                if sock.has_ended:  # http.client takes a header that is cut off for a whole one
                    raise http.client.IncompleteRead(b"")
                body = self._read(answer, deadline=deadline)
            self._used = time.monotonic()
            # After another 1xx than 100, which http.client takes for an answer, the answer is still to come.
            is_whole = answer.status >= 200 and not answer.will_close and len(body) <= self._max_bytes
            is_whole = is_whole and not sock.has_leftover
        finally:
            if not is_whole:
                self.close()
        return Reply(answer.status, error_code(answer, body), body)

    def _open(self, deadline: float) -> tuple[http.client.HTTPConnection, TimedSocket]:
        """Return the connection that is kept, or a new one."""
        if self._connection is None or self._sock is None:
            until = min(deadline, time.monotonic() + CONNECT_TIMEOUT_S)
            self._connection = self._connect(until)
            self._sock = TimedSocket(self._connection.sock)
            self._connection.sock = self._sock
        return self._connection, self._sock

    def _read(self, answer: http.client.HTTPResponse, *, deadline: float) -> bytes:
        """Read the whole body, or one byte more than is taken; TimeoutError past the deadline.

        IncompleteRead for a body that ends before its length.
        """
        found = bytearray()
        while len(found) <= self._max_bytes:
            if time.monotonic() >= deadline:
                raise TimeoutError("the answer does not end")
            piece = answer.read1(min(65_536, self._max_bytes + 1 - len(found)))
            if not piece:
                break
            found += piece
        if answer.length and len(found) <= self._max_bytes:
            raise http.client.IncompleteRead(bytes(found), answer.length)
        return bytes(found)


def was_asked_in_vain(error: Exception) -> bool:
    """Return whether an attempt ended because a model that was asked took too long."""
    return isinstance(error, TimeoutError) and not isinstance(error, ConnectTimeoutError)


def has_room(began: float, until: float) -> bool:
    """Return whether another attempt may last as long as the one that began then."""
    now = time.monotonic()
    return now - began <= until - now


def is_retried(reply: Reply) -> bool:
    """Return whether the same request may have another answer soon."""
    return reply.status in RETRIED_STATUSES or reply.code in RETRIED_CODES


def error_code(answer: http.client.HTTPResponse, body: bytes) -> str:
    """Return AWS's word for an error: of the header, else of the body; "Unknown" where it says none."""
    if answer.status == 200:
        return ""
    told: Any = answer.headers.get("x-amzn-errortype")
    if not told:
        fields = Reply(answer.status, "", body).fields()
        told = fields.get("code") or fields.get("__type")
    word = told.split(":")[0].rsplit("#", 1)[-1] if isinstance(told, str) else ""
    return word or "Unknown"
