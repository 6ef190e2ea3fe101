"""Requests to S3's step whose bodies come in pieces, and whose work on the disk waits for the history."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

from localaws.asgi import Request
from localaws.s3.step import ObjectStep
from localaws.steps import Exchange

SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
)


class HeldExecutor(Executor):
    """Do what is submitted when the history says so, one piece at a time."""

    def __init__(self) -> None:
        self._held: deque[tuple[Future[Any], Callable[[], Any]]] = deque()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Keep a call for later."""
        future: Future[Any] = Future()
        self._held.append((future, lambda: fn(*args, **kwargs)))
        return future

    @property
    def is_waiting(self) -> bool:
        """Whether there is something to do."""
        return bool(self._held)

    def do_next(self) -> None:
        """Do what has waited longest."""
        future, call = self._held.popleft()
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - the future raises it where it is awaited
            future.set_exception(error)
        else:
            future.set_result(result)


@dataclass(kw_only=True, eq=False)
class Call:
    """One request, and what came back."""

    request: Request
    pieces: "asyncio.Queue[Mapping[str, Any]]"
    on_answer: Callable[["Call"], None]
    """Called as the answer's head is sent: that is when the client can know."""
    intent: Any = None
    """What the history wants by it."""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    task: "asyncio.Task[None] | None" = None

    async def send(self, message: Any) -> None:
        """Take the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
            self.on_answer(self)
        else:
            self.body += message.get("body", b"")

    def feed(self, data: bytes, *, is_last: bool) -> None:
        """Send a piece of the body."""
        self.pieces.put_nowait({"type": "http.request", "body": data, "more_body": not is_last})

    def leave(self) -> None:
        """Go away before the body is whole."""
        self.pieces.put_nowait({"type": "http.disconnect"})


async def not_ours(exchange: Exchange) -> None:
    """Stand for moto, which these requests do not reach."""
    raise AssertionError(f"{exchange.request.method} {exchange.request.path} was handed on")


def make_call(
    method: str,
    path: str,
    *,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    on_answer: Callable[[Call], None],
    intent: Any = None,
) -> Call:
    """Return a request that has not been sent."""
    pieces: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
    request = Request(
        method=method,
        path=path,
        query=query,
        headers={"host": "127.0.0.1", "authorization": SIGNED, **(headers or {})},
        receive=pieces.get,  # type: ignore[arg-type]  # ASGI's messages are mutable
    )
    return Call(request=request, pieces=pieces, on_answer=on_answer, intent=intent)


async def serve(step: ObjectStep, call: Call) -> None:
    """Take a request through the step."""
    exchange = Exchange(
        request=call.request, scope={"client": ("127.0.0.1", 1)}, send=call.send, handler=None
    )
    await step(exchange, not_ours)
