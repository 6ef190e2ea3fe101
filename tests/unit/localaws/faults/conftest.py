"""The routes of fault rules, without a server."""

import asyncio
import json
from typing import Any

import pytest

from localaws.asgi import Request, Response, Router
from localaws.clock import ManualClock
from localaws.faults.rule_book import Faults
from localaws.faults.service import PATH, FaultService


class FakeChild:
    """A child that runs until it is killed."""

    def __init__(self, name: str, *, pid: int = 1) -> None:
        self.name, self.pid = name, pid
        self.code: int | None = None

    def poll(self) -> int | None:
        """Return the exit code."""
        return self.code

    def kill(self) -> None:
        """End."""
        self.code = -9


class FakeSupervisor:
    """Children that are there."""

    def __init__(self, *names: str) -> None:
        self.children = [FakeChild(name, pid=number) for number, name in enumerate(names)]

    def running(self) -> list[FakeChild]:
        """Return all, also those that have ended and were not reaped yet."""
        return list(reversed(self.children))


class Client:
    """Speak to the routes of the rules."""

    def __init__(self, faults: Faults, *, supervisor: FakeSupervisor) -> None:
        self.faults = faults
        self.supervisor = supervisor
        self._router = Router()
        service: Any = FaultService
        service(faults, clock=ManualClock(), supervisor=supervisor).register(self._router)

    def send(self, method: str, document: Any = None, *, path: str = "") -> tuple[int, Any]:
        """Return status and document of an answer; a document of bytes is sent as it is."""
        found = self._router.find(method=method, path=PATH + path)
        assert found is not None
        body = document if isinstance(document, bytes) else json.dumps(document).encode()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        handler, params = found
        request = Request(
            method=method, path=PATH + path, query="", headers={}, receive=receive, params=params
        )

        async def answer() -> Response:
            return await handler(request)

        response = asyncio.run(answer())
        return response.status, json.loads(response.body)


@pytest.fixture
def client() -> Client:
    """Return a client of routes without rules, and of two hosts, an instance and an environment."""
    names = ("job-a/algo-1", "job-a/algo-2", "endpoint dogs blue/i-1", "lambda-resize", "awslambdaric-probe")
    return Client(Faults(), supervisor=FakeSupervisor(*names))
