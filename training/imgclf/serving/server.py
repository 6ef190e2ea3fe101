"""Run the web application in this process until a signal."""

from __future__ import annotations

import logging
import signal
import socket

import uvicorn

from imgclf.serving.asgi import App
from imgclf.serving.protocol import GuardedProtocol

GRACE_S = 25
"""Time for requests in progress at SIGTERM; SageMaker kills after 30 s."""


def run_app(app: App, listener: socket.socket) -> None:
    """Answer requests until a signal; those in progress get GRACE_S seconds."""
    config = uvicorn.Config(
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
    # Its warnings are one line for each malformed request: a stranger could fill the log.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    server = uvicorn.Server(config)
    # Its own handlers come with its event loop, and after its stop it raises the signal again: what comes
    # before must stop it, too, and that one must end nothing.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listener])
