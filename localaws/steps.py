"""What a request passes on its way: steps, each of which answers it, or hands it on."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from localaws.asgi import Handler, Request, Scope, Send


@dataclass(kw_only=True)
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

    async def __call__(self, exchange: Exchange, forward: Forward) -> None:
        """Answer the request, or call `forward` with it."""
        ...


async def answer_by_route(exchange: Exchange, forward: Forward) -> None:
    """Answer by the native route, where there is one."""
    if exchange.handler is None:
        await forward(exchange)
        return
    response = await exchange.handler(exchange.request)
    await response.send(exchange.send)


def build_chain(steps: Sequence[Step], *, last: Forward) -> Forward:
    """Return the call that takes an exchange through all steps, and to `last` if none has answered."""
    forward = last
    for step in reversed(steps):
        forward = partial(step, forward=forward)
    return forward
