"""Connections of the function to an endpoint that a test writes beforehand."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from email.message import Message
from typing import Any

from aws_credentials import RoleCredentials
from endpoint_client import EndpointClient
from lambda_settings import read_settings
from model_answers import MAX_ANSWER_BYTES
from musher_lambda import Function

ENVIRON = {
    "ENDPOINT_NAME": "musher-1234",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "token/of+a+role==",
}


QUIET = os.eventfd(0)


class Answer:
    """An HTTP answer, as http.client gives it; `piece_bytes` come at a time."""

    def __init__(
        self, status: int, body: bytes, *, error: str = "", closes: bool = False, piece_bytes: int = 1 << 20
    ) -> None:
        self.status, self._left, self.will_close, self.length = status, body, closes, 0
        self._piece_bytes = piece_bytes
        self.headers = Message()
        if error:
            self.headers["x-amzn-errortype"] = error

    def read1(self, size: int) -> bytes:
        """Return the next piece."""
        size = min(size, self._piece_bytes)
        piece, self._left = self._left[:size], self._left[size:]
        return piece

    def close(self) -> None:
        """End it."""


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self._now = 1000.0

    def now(self) -> float:
        """Return it."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let so much go by."""
        self._now += seconds


class Socket:
    """What of a socket is used; nothing comes from it unasked."""

    def fileno(self) -> int:
        """Return a file that is never ready to be read."""
        return QUIET


class Connection:
    """A connection that gives one outcome after the other: an answer, or an exception."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.sock: Any = Socket()
        self.requests: list[dict[str, Any]] = []
        self.is_closed = False

    def connect(self) -> None:
        """Open it, unless the network has an exception for that."""
        if self._network.refusals:
            raise self._network.refusals.pop(0)

    def request(self, method: str, path: str, *, body: bytes, headers: dict[str, str]) -> None:
        """Note what was sent."""
        request = {"method": method, "path": path, "body": body, "headers": headers}
        self.requests.append(request)
        self._network.requests.append(request)

    def getresponse(self) -> Answer:
        """Give the next outcome, after the seconds that it takes."""
        self._network.deadlines.append(self.sock.deadline)
        if self._network.seconds:
            self._network.clock.advance(self._network.seconds.pop(0))
        outcome = self._network.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


class Network:
    """All connections that were opened, and what they will meet."""

    def __init__(
        self,
        outcomes: Sequence[Answer | Exception] = (),
        *,
        clock: Clock | None = None,
        seconds: Sequence[float] = (),
    ) -> None:
        self.outcomes, self.refusals = list(outcomes), list[Exception]()
        self.clock, self.seconds = clock or Clock(), list(seconds)
        self.deadlines: list[float] = []
        self.requests: list[dict[str, Any]] = []
        self.connections: list[Connection] = []

    def connect(self, _deadline: float) -> Any:
        """Return a further connection that is open."""
        self.connections.append(Connection(self))
        self.connections[-1].connect()
        return self.connections[-1]

    def client(self, **changes: str) -> EndpointClient:
        """Return a client on this network, of an environment with these changes."""
        environ = ENVIRON | changes
        return EndpointClient(
            read_settings(environ),
            RoleCredentials(environ),
            connect=self.connect,
            max_answer_bytes=MAX_ANSWER_BYTES,
        )

    def function(self, **changes: str) -> Function:
        """Return a function on this network."""
        return Function(read_settings(ENVIRON | changes), self.client(**changes))


def refusal(code: str, *, status: int = 400, **fields: Any) -> Answer:
    """Return an error of AWS's own, with its word in the header and its text in the body."""
    return Answer(status, json.dumps(fields).encode(), error=code)


def model_error(status: int, text: str, *, message: str = "Received error") -> Answer:
    """Return what SageMaker answers for a container that failed so (HTTP 424)."""
    fields = {"Message": message, "OriginalStatusCode": status, "OriginalMessage": text}
    return refusal("ModelError", status=424, **fields)
