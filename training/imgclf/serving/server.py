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
    # uvicorn stops at the first signal and raises it again once it has stopped: here nobody heeds that one.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
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
    uvicorn.Server(config).run(sockets=[listener])
