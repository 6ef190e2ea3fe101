"""A bucket for each module, and requests with exactly the bytes that a test wants."""

import http.client
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

TIMEOUT_S = 120
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of an error."""
        found = re.search(rb"<Code>([^<]*)</Code>", self.body)
        return found[1].decode() if found else ""


Send = Callable[..., Answer]


@pytest.fixture(scope="session")
def send(localaws: Any) -> Send:
    """Return a function that sends one request, as if it were signed."""

    def send_request(
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        signed: bool = True,
    ) -> Answer:
        connection = http.client.HTTPConnection(localaws.url.removeprefix("http://"), timeout=TIMEOUT_S)
        authorization = {"authorization": SIGNED} if signed else {}
        try:
            connection.request(
                method,
                path.removeprefix(localaws.url),
                body=body,
                headers=authorization | dict(headers or {}),
            )
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(status=answer.status, headers=found, body=answer.read())
        finally:
            connection.close()

    return send_request


@pytest.fixture(scope="session")
def s3(localaws: Any) -> Any:
    """Return a client with a made-up key."""
    return localaws.client("s3")


@pytest.fixture(scope="module")
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    """Return a new bucket, named after the module."""
    name = request.module.__name__.rpartition(".")[2].replace("_", "-")
    s3.create_bucket(Bucket=name)
    return name
