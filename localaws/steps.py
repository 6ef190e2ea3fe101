"""What a request passes on its way: steps, each of which answers it, or hands it on."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from localaws.asgi import Handler, Request, Scope, Send


@dataclass(kw_only=True, slots=True)
class Exchange:
    """One request, and where its answer goes. A step may replace `send` before it hands the exchange on."""

    request: Request
    scope: Scope
    send: Send
    handler: Handler | None
    """The native route that will answer; None where moto will."""


Forward = Callable[[Exchange], Awaitable[None]]


class Step(Protocol):
    """One thing to look at, or to do, with each request."""

    def __call__(self, exchange: Exchange, forward: Forward) -> Awaitable[None]:
        """Answer the request, or call `forward` with it.

        A step that has nothing to wait for is no coroutine, and returns what `forward` does: every request
        passes it, and whatever its answer waits for would have to come through it.
        """
        ...


def answer_by_route(exchange: Exchange, forward: Forward) -> Awaitable[None]:
    """Answer by the native route, where there is one."""
    handler = exchange.handler
    return forward(exchange) if handler is None else _answer(exchange, handler)


async def _answer(exchange: Exchange, handler: Handler) -> None:
    response = await handler(exchange.request)
    await response.send(exchange.send)


def build_chain(steps: Sequence[Step], *, last: Forward) -> Forward:
    """Return the call that takes an exchange through all steps, and to `last` if none has answered."""
    forward = last
    for step in reversed(steps):
        forward = partial(step, forward=forward)
    return forward
