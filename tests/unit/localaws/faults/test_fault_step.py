"""The step of the chain: without rules, it is the next step itself."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from localaws.asgi import ConnectionCutError, Message, Request
from localaws.clock import ManualClock
from localaws.faults.rule_book import Faults
from localaws.faults.step import FaultStep
from localaws.faults.validation import parse_rules
from localaws.steps import Exchange, Forward

SIGNED = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/logs/aws4_request"


class Chain:
    """A step, and behind it what answers with the number of its calls."""

    def __init__(self, *rules: dict[str, Any]) -> None:
        self.faults = Faults()
        self.faults.replace(parse_rules(list(rules)))
        self.clock = ManualClock()
        make: Any = FaultStep
        self.step = make(self.faults, clock=self.clock, supervisor=None)
        self.answered = 0

    async def forward(self, exchange: Exchange) -> None:
        """Answer."""
        self.answered += 1
        await exchange.send({"type": "http.response.start", "status": 200, "headers": []})
        await exchange.send({"type": "http.response.body", "body": b"%d" % self.answered})

    def ask(self, action: str = "DescribeLogGroups", **headers: str) -> tuple[int, bytes, dict[bytes, bytes]]:
        """Send a request; return status, body and headers of the answer."""
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(self._take(make_exchange(action, headers, send)))
        return sent[0]["status"], sent[1]["body"], dict(sent[0]["headers"])

    async def _take(self, exchange: Exchange) -> None:
        await self.step(exchange, self.forward)

    def outcomes(self) -> list[str]:
        """Return what came of each rule that fired."""
        return [event["outcome"] for event in self.faults.describe_events()]


def make_exchange(action: str, headers: dict[str, str], send: Any) -> Exchange:
    """Return a signed request to CloudWatch Logs."""

    async def receive() -> Message:
        return {"type": "http.request"}

    named = {"authorization": SIGNED, "x-amz-target": f"Logs_20140328.{action}"} | headers
    request = Request(method="POST", path="/", query="", headers=named, receive=receive)
    return Exchange(request=request, scope={}, send=send, handler=None)


def test_without_rules_the_next_step_s_own_answer_is_returned() -> None:
    """No coroutine of ours comes in between, so that nothing has to wait for it."""
    chain, given = Chain(), object()

    def forward(exchange: Exchange) -> Any:
        return given

    handed: Forward = forward
    found: Awaitable[None] = chain.step(make_exchange("DescribeLogGroups", {}, None), handed)
    assert found is given


def test_a_stale_answer_is_the_last_fresh_one_and_no_older_than_the_rule_says() -> None:
    rule = {"kind": "stale_read", "service": "logs", "action": "DescribeLogGroups", "for_s": 10}
    chain = Chain(rule)
    assert chain.ask()[1] == b"1"
    chain.clock.advance(9)
    assert chain.ask()[1] == b"1"
    chain.clock.advance(2)
    assert chain.ask()[1] == b"2"
    assert chain.outcomes() == [
        "fresh: the same was not asked within 10 s",
        "stale",
        "fresh: the same was not asked within 10 s",
    ]


def test_new_rules_have_seen_no_answers() -> None:
    rule = {"kind": "stale_read", "service": "logs", "for_s": 10}
    chain = Chain(rule)
    chain.ask()
    chain.faults.replace(parse_rules([rule]))
    assert chain.ask()[1] == b"2"


def test_a_call_that_is_lost_took_place_and_one_that_is_reset_did_not() -> None:
    chain = Chain(
        {"kind": "reset_after_effect", "service": "logs", "nth": 1},
        {"kind": "reset_before_effect", "service": "logs", "nth": 2},
    )
    with pytest.raises(ConnectionCutError):
        chain.ask()
    assert chain.answered == 1
    with pytest.raises(ConnectionCutError):
        chain.ask()
    assert chain.answered == 1
    assert chain.outcomes() == ["reset after the answer 200", "reset"]


def test_a_client_that_waits_to_send_its_body_is_not_to_send_it_after_a_refusal() -> None:
    chain = Chain({"kind": "throttle", "service": "logs"})
    assert chain.ask(expect="100-continue")[2][b"connection"] == b"close"
    assert b"connection" not in chain.ask()[2]
    assert chain.answered == 0


def test_a_call_that_no_rule_concerns_passes() -> None:
    chain = Chain({"kind": "throttle", "service": "logs", "action": "Put*"})
    assert chain.ask()[:2] == (200, b"1")
