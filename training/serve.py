"""Serve a model folder over HTTP as SageMaker's container contract asks: GET /ping, POST /invocations.

GET /metrics is for Prometheus. The log is one line of JSON for each entry.

    SM_MODEL_DIR=model python -u serve.py

SM_MODEL_DIR            model folder (default $SAGEMAKER_BASE_DIR/model, else /opt/ml/model)
SAGEMAKER_BIND_TO_PORT  port (default 8080; 0 picks a free one, named in the ready line)
MUSHER_SERVE_HOST       address to listen on (default 127.0.0.1; the image sets 0.0.0.0)
MUSHER_SERVE_RUNTIME    onnxruntime, torch, or auto (default): torch on a GPU and where there is no model.onnx
MUSHER_SERVE_STREAMS    forward passes at once, 1 to the number of processors (default): many give the most
                        answers, one gives a lone request all processors
MUSHER_SERVE_PROCESSES  processes that serve, each with the model in its memory, 1 (default) to the number of
                        processors, 8 at most. They share the streams. Several give more answers where a
                        forward pass takes less than about a millisecond; torch takes no more than one

A model that cannot be loaded is one line on stderr and exit code 1. SIGTERM answers what is in progress,
then ends with exit code 0.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from imgclf.errors import ConfigError, ImgclfError
from imgclf.process import leave
from imgclf.serving.connections import BACKLOG
from imgclf.serving.logs import log_json_to_stdout
from imgclf.serving.seats import Seat, count_processes, reserve
from imgclf.serving.supervisor import supervise

if TYPE_CHECKING:
    from imgclf.serving.runtimes import ServedModel

logger = logging.getLogger("serve")

DEFAULT_PORT = 8080

Load = Callable[[Path], "ServedModel"]


def main(environ: Mapping[str, str]) -> int:
    """Load the model, listen, and serve until SIGTERM; return the exit code."""
    return serve(load, str(model_folder(environ)), environ)


def serve(load: Load, what: str, environ: Mapping[str, str]) -> int:
    """Serve what `load` loads, by one process or by several of them; return the exit code."""
    try:
        seat = Seat.take(environ)
        count = count_processes(environ)
        if seat is None and count > 1:
            return supervise(bind(environ, reserve), count, what=what, environ=environ)
        model = load(Path(what))
        source = bind(environ, listen) if seat is None else seat.open_channel()
    except ImgclfError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    what = f"{what} by {model.runtime.name}"
    if seat is None:
        serve_alone(model, source, what=what)
    else:
        serve_in_seat(model, source, seat, what=what)
    return 0


def load(model_dir: Path) -> ServedModel:
    """Load a model folder, and predict once; raise ModelError or ConfigError where that cannot be."""
    # Not at the module's head: a process that only supervises needs none of it.
    from imgclf.serving import model_functions

    model = model_functions.model_fn(str(model_dir))
    model_functions.warm_up(model)
    return model


def model_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the model to serve."""
    return Path(environ.get("SM_MODEL_DIR") or Path(environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "model")


def bind(environ: Mapping[str, str], open_port: Callable[[str, int], socket.socket]) -> socket.socket:
    """Open the port by a function; raise ConfigError when it is taken or no port."""
    host, port = (
        environ.get("MUSHER_SERVE_HOST", "127.0.0.1"),
        environ.get("SAGEMAKER_BIND_TO_PORT", str(DEFAULT_PORT)),
    )
    if not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(f"SAGEMAKER_BIND_TO_PORT {port!r} is no port: set 0 to 65535")
    try:
        return open_port(host, int(port))
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}:{port} ({error}): set SAGEMAKER_BIND_TO_PORT") from error


def listen(host: str, port: int) -> socket.socket:
    """Listen on a port that is no other process's."""
    return socket.create_server((host, port), backlog=BACKLOG)


def serve_alone(model: ServedModel, listener: socket.socket, *, what: str) -> None:
    """Answer requests in this process until a signal."""
    from imgclf.serving.asgi import App
    from imgclf.serving.server import run_app

    host, port = listener.getsockname()[:2]
    logger.info("serving %s on http://%s:%s", what, host, port)
    sys.stdout.flush()
    run_app(App(model), listener)
    logger.info("stopped")


def serve_in_seat(model: ServedModel, channel: socket.socket, seat: Seat, *, what: str) -> None:
    """Answer the requests of the connections that a channel brings until a signal."""
    from imgclf.serving.asgi import App
    from imgclf.serving.server import run_app_in_seat

    logger.info("process %d of %d serves %s", seat.place + 1, seat.count, what)
    sys.stdout.flush()
    board = seat.open_board()
    run_app_in_seat(App(model, board), channel, board)
    logger.info("process %d stopped", seat.place + 1)


if __name__ == "__main__":
    log_json_to_stdout()
    leave(main(os.environ))
