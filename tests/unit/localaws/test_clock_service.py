"""The speed of AWS's time is asked for and changed by requests."""

import asyncio
import json
from typing import Any

import pytest

from localaws.asgi import Request, Response, Router
from localaws.clock import Clock, ManualClock, ScaledClock
from localaws.clock_service import PATH, ClockService, parse_speed
from localaws.errors import SpeedError


def send(clock: Clock, method: str, body: bytes = b"") -> tuple[int, Any]:
    """Return status and document of an answer."""
    router = Router()
    ClockService(clock).register(router)
    found = router.find(method=method, path=PATH)
    assert found is not None

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def answer() -> Response:
        return await found[0](Request(method=method, path=PATH, query="", headers={}, receive=receive))

    response = asyncio.run(answer())
    return response.status, json.loads(response.body)


def test_a_speed_that_is_put_holds_from_then_on() -> None:
    clock = ScaledClock()
    assert send(clock, "GET")[1]["speed"] == 1
    status, told = send(clock, "PUT", b'{"speed": 20}')
    assert (status, told["speed"], clock.speed) == (200, 20, 20)
    assert told["now"].endswith("+00:00")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[20]", "must be a JSON object with one member"),
        (b'{"speed": 20, "for_s": 3}', "must be a JSON object with one member"),
        (b'{"speed": 0}', "speed is 0; it must be a number from 0.01 to 10000"),
        (b'{"speed": 10001}', "speed is 10001"),
        (b'{"speed": NaN}', "speed is nan"),
        (b'{"speed": true}', "speed is True"),
        (b'{"speed": "20"}', "speed is '20'"),
    ],
)
def test_what_is_no_speed_is_refused_and_changes_nothing(body: bytes, message: str) -> None:
    with pytest.raises(SpeedError, match=message):
        parse_speed(body)
    clock = ScaledClock(speed=2)
    status, error = send(clock, "PUT", body)
    assert (status, error["__type"], clock.speed) == (400, "ValidationException", 2)


def test_a_clock_that_a_test_moves_has_no_routes() -> None:
    router = Router()
    ClockService(ManualClock()).register(router)
    assert router.find(method="GET", path=PATH) is None
