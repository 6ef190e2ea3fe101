"""What is sent, and which answers are failures. Pure.

An `Origin` makes the requests that exchanges send in turn; those of AWS sign them (`aws.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from musher.errors import TrafficError

MAX_SAGEMAKER_BODY_BYTES = 6_291_456
MAX_LAMBDA_BODY_BYTES = 6_291_456
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

AGENT = "musher-traffic"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request, ready to be sent as it is."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Origin(Protocol):
    """Where the requests of a load test come from."""

    @property
    def renew_s(self) -> float | None:
        """Return the seconds after which requests must be made anew; None: never."""
        ...

    def make_requests(self) -> Sequence[Request]:
        """Return what to send in turn from now on; called in a thread, as it may ask for credentials."""
        ...

    def describe(self) -> dict[str, str]:
        """Return what the JSON result says about the target."""
        ...


@dataclass(frozen=True, kw_only=True)
class HttpOrigin:
    """The same request to an http or https address."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    renew_s: None = None

    def __post_init__(self) -> None:
        """Refuse an address that is none."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise TrafficError(f"{self.url!r} is no address. Give one such as http://127.0.0.1:8080/ping.")

    def make_requests(self) -> Sequence[Request]:
        """Return the one request."""
        headers = {"user-agent": AGENT, **self.headers}
        return [Request(method=self.method, url=self.url, headers=headers, body=self.body)]

    def describe(self) -> dict[str, str]:
        """Return the address without its query, which may hold a secret."""
        return {"kind": "http", "url": self.url.partition("?")[0], "method": self.method}


def name_failure(status: int, headers: Mapping[str, str]) -> str | None:
    """Return None for a success, else `http_<status>`, or `function_error` for a function that failed.

    Lambda answers 200 where the function itself raised:
    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    if not 200 <= status < 300:
        return f"http_{status}"
    return "function_error" if "X-Amz-Function-Error" in headers else None
