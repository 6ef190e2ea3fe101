"""How fast AWS's time passes, while localaws runs.

    GET  /_localaws/clock   {"now": "2026-01-01T00:00:00+00:00", "speed": 1.0}
    PUT  /_localaws/clock   {"speed": 20}: from this moment on, 20 AWS seconds pass in one second here

`serve --speed` says how it begins. Time never goes back; waits that have begun keep their length.
"""

import json
import logging
from typing import Any

from localaws.asgi import Request, Response, Router, aws_error
from localaws.clock import MAX_SPEED, MIN_SPEED, Clock, ScaledClock
from localaws.errors import SpeedError

logger = logging.getLogger(__name__)

PATH = "/_localaws/clock"


def parse_speed(content: bytes) -> float:
    """Read a speed that was put; raises SpeedError saying what it must be."""
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SpeedError(f"the body is not JSON: {error}") from error
    if not isinstance(values, dict) or set(values) != {"speed"}:
        raise SpeedError('the body must be a JSON object with one member, such as {"speed": 20}')
    speed = values["speed"]
    is_number = isinstance(speed, int | float) and not isinstance(speed, bool)
    if not is_number or not MIN_SPEED <= speed <= MAX_SPEED:
        raise SpeedError(f"speed is {speed!r}; it must be a number from {MIN_SPEED} to {MAX_SPEED}")
    return float(speed)


class ClockService:
    """The routes to the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def register(self, router: Router) -> None:
        """Add the routes; a clock that a test moves has no speed."""
        if isinstance(self._clock, ScaledClock):
            router.add("GET", PATH, self._get)
            router.add("PUT", PATH, self._put)

    async def stop(self) -> None:
        """Have nothing to end."""

    async def _get(self, request: Request) -> Response:
        return self._answer()

    async def _put(self, request: Request) -> Response:
        assert isinstance(self._clock, ScaledClock)
        try:
            speed = parse_speed(await request.body())
        except SpeedError as error:
            return aws_error(status=400, code="ValidationException", message=str(error))
        self._clock.set_speed(speed)
        logger.info("%g AWS seconds pass in one second from now on", speed)
        return self._answer()

    def _answer(self) -> Response:
        assert isinstance(self._clock, ScaledClock)
        document: dict[str, Any] = {"now": self._clock.now().isoformat(), "speed": self._clock.speed}
        return Response(body=json.dumps(document).encode(), headers={"content-type": "application/json"})
