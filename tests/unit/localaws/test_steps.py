"""The chain that a request passes."""

import asyncio
from collections.abc import Awaitable

import pytest

from localaws.asgi import Message, Request, Response
from localaws.steps import Exchange, Forward, Step, answer_by_route, build_chain

passed: list[str] = []


def named(name: str, *, is_last: bool = False) -> Step:
    """Return a step that notes its way, and answers where it is told to."""

    async def step(exchange: Exchange, forward: Forward) -> None:
        passed.append(f"to {name}")
        if is_last:
            await exchange.send({"by": name})
        else:
            await forward(exchange)
        passed.append(f"from {name}")

    return step


async def moto(exchange: Exchange) -> None:
    await exchange.send({"by": "moto"})


def run(chain: Forward, *, exchange: Exchange | None = None) -> list[Message]:
    """Send an exchange through a chain; return what was answered."""
    sent: list[Message] = []
    passed.clear()

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    exchange = exchange or Exchange(
        request=Request(method="GET", path="/", query="", headers={}, receive=receive),
        scope={},
        send=send,
        handler=None,
    )
    exchange.send = send
    asyncio.run(chain(exchange))  # type: ignore[arg-type]
    return sent


def test_steps_are_passed_in_their_order_and_left_in_the_reverse() -> None:
    assert run(build_chain([named("a"), named("b")], last=moto)) == [{"by": "moto"}]
    assert passed == ["to a", "to b", "from b", "from a"]


def test_behind_a_step_that_answers_nobody_is_asked() -> None:
    chain = build_chain([named("a"), named("b", is_last=True), named("c")], last=moto)
    assert run(chain) == [{"by": "b"}]
    assert passed == ["to a", "to b", "from b", "from a"]


def test_without_steps_moto_answers() -> None:
    assert run(build_chain([], last=moto)) == [{"by": "moto"}]


def test_a_step_that_fails_lets_the_caller_know() -> None:
    async def fail(exchange: Exchange, forward: Forward) -> None:
        raise KeyError("step")

    with pytest.raises(KeyError, match="step"):
        run(build_chain([named("a"), fail, named("b")], last=moto))
    assert passed == ["to a"]


def test_what_a_step_puts_before_the_answer_is_passed_on_the_way_back() -> None:
    async def mark(exchange: Exchange, forward: Forward) -> None:
        send = exchange.send

        async def marked(message: Message) -> None:
            await send({**message, "is_marked": True})

        exchange.send = marked
        await forward(exchange)

    assert run(build_chain([mark], last=moto)) == [{"by": "moto", "is_marked": True}]


def test_a_step_that_waits_for_nothing_need_be_no_coroutine() -> None:
    def look(exchange: Exchange, forward: Forward) -> Awaitable[None]:
        passed.append("seen")
        return forward(exchange)

    assert run(build_chain([look, named("a")], last=moto)) == [{"by": "moto"}]
    assert passed == ["seen", "to a", "from a"]


@pytest.mark.parametrize("has_route", [True, False])
def test_a_native_route_answers_before_moto(has_route: bool) -> None:
    async def route(request: Request) -> Response:
        return Response(status=202, body=request.path.encode())

    async def nothing(message: Message | None = None) -> Message:
        return {}

    exchange = Exchange(
        request=Request(method="GET", path="/_localaws/health", query="", headers={}, receive=nothing),
        scope={},
        send=nothing,  # type: ignore[arg-type]
        handler=route if has_route else None,
    )
    sent = run(build_chain([answer_by_route], last=moto), exchange=exchange)
    assert sent[-1].get("body", b"moto") == (b"/_localaws/health" if has_route else b"moto")
