"""The step of the chain that breaks calls: where there are no rules, it hands each request on at once."""

import asyncio
import logging
from collections.abc import Awaitable

from localaws.asgi import ConnectionCutError, Response
from localaws.clock import Clock
from localaws.faults.asked import Asked, read_asked
from localaws.faults.children import kill
from localaws.faults.effects import Discarded, Truncated, wait_for_leave
from localaws.faults.memory import Copy
from localaws.faults.rule_book import Event, Faults
from localaws.faults.spec import (
    Effect,
    Kill,
    ResetAfterEffect,
    ResetBeforeEffect,
    ServerError,
    Slow,
    StaleRead,
    Throttle,
    Timeout,
    TruncatedBody,
)
from localaws.faults.wording import failed, throttled
from localaws.processes import Supervisor
from localaws.steps import Exchange, Forward

logger = logging.getLogger(__name__)


class FaultStep:
    """Look at each request, where there are rules."""

    def __init__(self, faults: Faults, *, clock: Clock, supervisor: Supervisor) -> None:
        self._faults = faults
        self._clock = clock
        self._supervisor = supervisor

    def __call__(self, exchange: Exchange, forward: Forward) -> Awaitable[None]:
        """Hand the request on, or do to it what a rule says."""
        return self._look(exchange, forward) if self._faults.is_active else forward(exchange)

    async def _look(self, exchange: Exchange, forward: Forward) -> None:
        asked = await read_asked(exchange.request)
        if asked is None:
            await forward(exchange)
            return
        if self._faults.reads_names(asked):
            await asked.read_names()
        now = self._clock.now().isoformat()
        found = self._faults.judge(asked, now=now)
        if found is not None:
            rule, event = found
            logger.info("fault rule %s: %s:%s, %s", rule.id, event.service, event.action, event.kind)
            await self._apply(rule.effect, event, asked=asked, exchange=exchange, forward=forward)
        elif self._faults.exceed(asked, now=now, now_s=self._clock.monotonic()) is not None:
            await self._refuse(throttled(asked.call, is_cbor=asked.is_cbor), exchange)
        else:
            await self._answer(asked, exchange, forward)

    async def _apply(
        self, effect: Effect, event: Event, *, asked: Asked, exchange: Exchange, forward: Forward
    ) -> None:
        call, is_cbor = asked.call, asked.is_cbor
        match effect:
            case Throttle():
                answer = throttled(call, is_cbor=is_cbor, retry_after_s=effect.retry_after_s)
                await self._refuse(answer, exchange, event)
            case ServerError():
                await self._refuse(failed(call, is_cbor=is_cbor, status=effect.status), exchange, event)
            case ResetBeforeEffect():
                event.outcome = "reset"
                raise ConnectionCutError
            case Timeout():
                await self._hold(effect, event, exchange)
            case ResetAfterEffect():
                await self._lose_answer(event, asked, exchange, forward)
            case TruncatedBody():
                await self._truncate(event, asked, exchange, forward)
            case StaleRead():
                await self._answer_stale(effect, event, asked=asked, exchange=exchange, forward=forward)
            case Slow():
                event.outcome = f"delayed by {effect.delay_ms} ms"
                await asyncio.sleep(effect.delay_ms / 1000)
                await self._answer(asked, exchange, forward)
            case Kill():
                killed = kill(self._supervisor.running(), effect)
                event.outcome = f"killed {', '.join(killed) or 'nothing'}"
                await self._answer(asked, exchange, forward)

    async def _refuse(self, answer: Response, exchange: Exchange, event: Event | None = None) -> None:
        if event is not None:
            event.outcome = f"answered {answer.status}"
        if "expect" in exchange.request.headers:  # the body was not asked for: no request can follow it
            answer.headers["connection"] = "close"
        await answer.send(exchange.send)

    async def _hold(self, effect: Timeout, event: Event, exchange: Exchange) -> None:
        has_left = await wait_for_leave(exchange.request, limit_s=effect.hold_s)
        event.outcome = (
            "held until the client left" if has_left else f"held for {effect.hold_s:g} s, and reset"
        )
        raise ConnectionCutError

    async def _lose_answer(self, event: Event, asked: Asked, exchange: Exchange, forward: Forward) -> None:
        lost = Discarded()
        exchange.send = lost
        await forward(exchange)
        event.outcome = f"reset after the answer {lost.status}"
        raise ConnectionCutError

    async def _truncate(self, event: Event, asked: Asked, exchange: Exchange, forward: Forward) -> None:
        half = Truncated(exchange.send, method=exchange.request.method)
        exchange.send = half
        await forward(exchange)
        event.outcome = "truncated" if half.is_cut else "not truncated: the answer has no body"
        if half.is_cut:
            raise ConnectionCutError

    async def _answer_stale(
        self, effect: StaleRead, event: Event, *, asked: Asked, exchange: Exchange, forward: Forward
    ) -> None:
        since_s = self._clock.monotonic() - effect.for_s
        answer = self._faults.memory.recall(await asked.digest(), since_s=since_s)
        if answer is None:
            event.outcome = f"fresh: the same was not asked within {effect.for_s:g} s"
            await self._answer(asked, exchange, forward)
        else:
            event.outcome = "stale"
            await answer.send(exchange.send)

    async def _answer(self, asked: Asked, exchange: Exchange, forward: Forward) -> None:
        """Let the call take place; keep its answer where a rule may want it again."""
        if not self._faults.is_read_again(asked):
            await forward(exchange)
            return
        digest, copy = await asked.digest(), Copy(exchange.send)
        exchange.send = copy
        await forward(exchange)
        self._faults.memory.keep(digest, copy.answer, at_s=self._clock.monotonic())
