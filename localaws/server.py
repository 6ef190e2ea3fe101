"""Run localaws: bind, announce, serve, and leave nothing behind."""

import asyncio
import contextlib
import logging
import signal
import socket
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from localaws.app import Application
from localaws.assembly import create_services, install_backends
from localaws.clock import ScaledClock
from localaws.context import Context, activate
from localaws.errors import AddressInUseError
from localaws.iam.identity import Identity
from localaws.origins import make_guard
from localaws.processes import Supervisor

logger = logging.getLogger(__name__)

GRACE_S = 1
"""Real seconds that open requests get when localaws stops."""


@dataclass(frozen=True)
class ServeOptions:
    """The options of `localaws serve`."""

    host: str = "127.0.0.1"
    port: int = 4566
    data_dir: Path | None = None
    region: str = "us-east-1"
    speed: float = 1.0
    public_url: str | None = None
    """The address that clients elsewhere use (a container's name, say); children are told it too."""


def bind(*, host: str, port: int) -> socket.socket:
    """Return a listening socket; raises AddressInUseError naming the option that changes the port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(1024)
    except OSError as error:
        sock.close()
        raise AddressInUseError(
            f"cannot listen on {host}:{port}: {error.strerror}. Another process may have the port; "
            "choose another with --port (0 takes any free one) or another address with --host"
        ) from error
    return sock


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us: it would raise them again after the shutdown, and exit non-zero."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture nothing."""
        yield


@contextlib.contextmanager
def running_context(options: ServeOptions, *, local_url: str) -> Generator[Context, None, None]:
    """Make the shared state, and at the end stop every child, which removes our folder too."""
    own_dir = options.data_dir is None
    data_dir = options.data_dir or Path(tempfile.mkdtemp(prefix="localaws-"))
    data_dir.mkdir(parents=True, exist_ok=True)
    clock = ScaledClock(speed=options.speed)
    context = Context(
        endpoint_url=options.public_url or local_url,
        credentials_url=local_url,
        data_dir=data_dir.resolve(),
        region=options.region,
        clock=clock,
        supervisor=Supervisor(scratch=data_dir if own_dir else None),
        identity=Identity(region=options.region, now=clock.now),
    )
    activate(context)
    try:
        yield context
    finally:
        context.close()
        activate(None)


def reachable_host(host: str) -> str:
    """Return the address at which children on this machine reach a server bound to `host`."""
    return "127.0.0.1" if host in ("0.0.0.0", "") else host  # noqa: S104 - compared, not bound


async def serve(options: ServeOptions) -> None:
    """Serve until SIGINT or SIGTERM; print one ready line on stdout once requests are answered."""
    sock = bind(host=options.host, port=options.port)
    local_url = f"http://{reachable_host(options.host)}:{sock.getsockname()[1]}"
    with running_context(options, local_url=local_url) as context:
        install_backends()
        guard = make_guard(public_url=options.public_url, host=options.host)
        context.services.extend(create_services(context))
        app = Application(context, guard=guard)
        context.start_services(app.router)
        server = _Server(_uvicorn_config(app))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _request_exit, server)
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        await _announce(server, serving, context.endpoint_url)
        await serving
        await context.stop_services()
        app.close()


def _uvicorn_config(app: Application) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        backlog=1024,
    )


def _request_exit(server: uvicorn.Server) -> None:
    server.should_exit = True


async def _announce(server: uvicorn.Server, serving: "asyncio.Task[None]", url: str) -> None:
    while not server.started and not serving.done():
        await asyncio.sleep(0.005)
    if server.started:
        print(f"localaws ready {url}", flush=True)  # noqa: T201 - the ready line is this command's output
