"""Serve a model folder over HTTP as SageMaker's container contract asks: GET /ping, POST /invocations.

GET /metrics is for Prometheus. The log is one line of JSON for each entry.

    SM_MODEL_DIR=model python -u serve.py

SM_MODEL_DIR            model folder (default $SAGEMAKER_BASE_DIR/model, else /opt/ml/model)
SAGEMAKER_BIND_TO_PORT  port (default 8080; 0 picks a free one, named in the ready line)
MUSHER_SERVE_HOST       address to listen on (default 127.0.0.1; the image sets 0.0.0.0)
MUSHER_SERVE_RUNTIME    onnxruntime, torch, or auto (default): torch on a GPU and where there is no model.onnx
MUSHER_SERVE_STREAMS    forward passes at once, 1 to the number of processors (default): many give the most
                        answers, one gives a lone request all processors

A model that cannot be loaded is one line on stderr and exit code 1. SIGTERM answers what is in progress,
then ends with exit code 0.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import uvicorn

from imgclf.errors import ConfigError, ImgclfError
from imgclf.process import leave
from imgclf.serving import model_functions
from imgclf.serving.asgi import App
from imgclf.serving.logs import log_json_to_stdout
from imgclf.serving.protocol import GuardedProtocol

logger = logging.getLogger("serve")

DEFAULT_PORT = 8080
GRACE_S = 25
"""Time for requests in progress at SIGTERM; SageMaker kills after 30 s."""


def main(environ: Mapping[str, str]) -> int:
    """Load the model, listen, and serve until SIGTERM; return the exit code."""
    try:
        model_dir = model_folder(environ)
        model = model_functions.model_fn(str(model_dir))
        model_functions.warm_up(model)
        listener = listen(environ)
    except ImgclfError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    serve(App(model), listener, f"{model_dir} by {model.runtime.name}")
    return 0


def model_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the model to serve."""
    return Path(environ.get("SM_MODEL_DIR") or Path(environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "model")


def listen(environ: Mapping[str, str]) -> socket.socket:
    """Bind the port; raise ConfigError when it is taken or no port."""
    host, port = (
        environ.get("MUSHER_SERVE_HOST", "127.0.0.1"),
        environ.get("SAGEMAKER_BIND_TO_PORT", str(DEFAULT_PORT)),
    )
    if not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(f"SAGEMAKER_BIND_TO_PORT {port!r} is no port: set 0 to 65535")
    try:
        return socket.create_server((host, int(port)), backlog=2048)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}:{port} ({error}): set SAGEMAKER_BIND_TO_PORT") from error


def serve(app: App, listener: socket.socket, what: str) -> None:
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
    host, port = listener.getsockname()[:2]
    # Its warnings are one line for each malformed request: a stranger could fill the log.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    logger.info("serving %s on http://%s:%s", what, host, port)
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listener])
    logger.info("stopped")


if __name__ == "__main__":
    log_json_to_stdout()
    leave(main(os.environ))
