"""Run the web application in this process until a signal."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket

import uvicorn

from imgclf.serving.asgi import App
from imgclf.serving.connections import take
from imgclf.serving.figures import Board
from imgclf.serving.protocol import GuardedProtocol

GRACE_S = 25
"""Time for requests in progress at SIGTERM; SageMaker kills after 30 s."""


def run_app(app: App, listener: socket.socket) -> None:
    """Answer the requests that come to a port until a signal; those in progress get GRACE_S seconds."""
    _run(uvicorn.Server(_configure(app)), [listener])


def run_app_in_seat(app: App, channel: socket.socket, board: Board) -> None:
    """Answer the requests of the connections that a channel brings, likewise."""
    _run(_SeatedServer(_configure(app), channel, board), [])


def _configure(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=GuardedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )


def _run(server: uvicorn.Server, listeners: list[socket.socket]) -> None:
    # Its warnings are one line for each malformed request: a stranger could fill the log.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    # Its own handlers come with its event loop, and after its stop it raises the signal again: what comes
    # before must stop it, too, and that one must end nothing.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    server.run(sockets=listeners)


class _SeatedServer(uvicorn.Server):
    """uvicorn's server without a port: its connections are given to it."""

    def __init__(self, config: uvicorn.Config, channel: socket.socket, board: Board) -> None:
        super().__init__(config)
        self._channel, self._board = channel, board
        self._taken = 0
        self._beginning: set[asyncio.Task[object]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections, once the application has begun."""
        await super().startup(sockets=sockets)
        asyncio.get_running_loop().add_reader(self._channel, self._take)

    async def on_tick(self, counter: int) -> bool:
        """Say how many connections have ended, ten times a second."""
        self._tell()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take what was given before the signal, and end as uvicorn does."""
        asyncio.get_running_loop().remove_reader(self._channel)
        self._channel.shutdown(socket.SHUT_RD)  # from now on it is given none; others are, while it ends
        self._take()
        if self._beginning:
            await asyncio.wait(self._beginning)
        await super().shutdown(sockets=sockets)

    def _take(self) -> None:
        loop = asyncio.get_running_loop()
        for connection in take(self._channel):
            self._taken += 1
            if connection is None:  # it has ended, and must not count as held
                continue
            task = loop.create_task(loop.connect_accepted_socket(self._make_protocol, connection))
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)
        self._tell()

    def _tell(self) -> None:
        held = len(self.server_state.connections) + len(self._beginning)
        self._board.tell_ended(self._taken - held)

    def _make_protocol(self) -> GuardedProtocol:
        return GuardedProtocol(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
