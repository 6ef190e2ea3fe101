"""Run localaws: bind, announce, serve, and leave nothing behind."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from localaws.app import Application
from localaws.assembly import create_services, install_backends
from localaws.certificates import Certificates, make_certificates
from localaws.clock import ScaledClock
from localaws.connections import BoundedProtocol
from localaws.context import Context, activate
from localaws.data_dir import hold_data_dir
from localaws.errors import AddressInUseError
from localaws.faults.rule_book import Faults
from localaws.faults.service import load_faults
from localaws.functions.addresses.service import page_rules
from localaws.iam.enforcement.modes import Mode
from localaws.iam.enforcement.start import guarding
from localaws.iam.identity import Identity
from localaws.origins import make_guard
from localaws.processes import Supervisor

logger = logging.getLogger(__name__)

GRACE_S = 1
"""Real seconds that open requests get when localaws stops."""


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """The options of `localaws serve`."""

    host: str = "127.0.0.1"
    port: int = 4566
    data_dir: Path | None = None
    region: str = "us-east-1"
    speed: float = 1.0
    public_url: str | None = None
    """The address that clients elsewhere use (a container's name, say); children are told it too."""
    tls: bool = False
    faults: Path | None = None
    """A file of fault rules."""
    api_limits: bool = False
    """Whether requests are throttled at AWS's rates."""
    iam: Mode = Mode.OFF
    """Whether requests are held against policies."""
    credentials_file: Path | None = None
    """Where the root's key is written, where permissions are enforced."""
    iam_record: Path | None = None
    """Where what is asked for is written."""


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
def running_context(
    options: ServeOptions, *, data_dir: Path, local_url: str, credentials_url: str, faults: Faults
) -> Generator[Context, None, None]:
    """Make the shared state, and at the end stop every child, which removes a temporary folder too."""
    clock = ScaledClock(speed=options.speed)
    context = Context(
        endpoint_url=options.public_url or local_url,
        credentials_url=credentials_url,
        data_dir=data_dir,
        region=options.region,
        clock=clock,
        supervisor=Supervisor(scratch=data_dir if options.data_dir is None else None),
        identity=Identity(region=options.region, now=lambda: datetime.now(UTC)),
        faults=faults,
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
    """Serve until SIGINT or SIGTERM; print a ready line on stdout once requests are answered.

    With TLS, a second line names the certificate that clients have to trust.
    """
    faults = load_faults(options.faults, with_api_limits=options.api_limits)
    sock = bind(host=options.host, port=options.port)
    local_url = url_of(sock, host=options.host, scheme="https" if options.tls else "http")
    # SDKs fetch a container's credentials without regard to AWS_CA_BUNDLE
    plain = bind(host="127.0.0.1", port=0) if options.tls else None
    credentials_url = url_of(plain, host="127.0.0.1", scheme="http") if plain else local_url
    urls = {"local_url": local_url, "credentials_url": credentials_url}
    with (
        hold_data_dir(options.data_dir) as data_dir,
        running_context(options, data_dir=data_dir, faults=faults, **urls) as context,
        guarding(
            options.iam,
            credentials_file=options.credentials_file,
            record=options.iam_record,
        ) as permissions,
    ):
        certificates = certify(options, context) if options.tls else None
        install_backends()
        guard = make_guard(public_url=options.public_url, host=options.host, path_rules_of=page_rules)
        context.services.extend(create_services(context))
        app = Application(context, guard=guard, permissions=permissions)
        context.start_services(app.router)
        servers = {_Server(_uvicorn_config(app, certificates=certificates)): sock}
        if plain is not None:
            servers[_Server(_uvicorn_config(app.serve_credentials_only))] = plain
        await _run(servers, announce=partial(_announce, context.endpoint_url, certificates))
        await context.stop_services()
        app.close()


async def _run(servers: Mapping[_Server, socket.socket], *, announce: Callable[[], None]) -> None:
    """Serve on all sockets until a signal comes; `announce` is called once all are served."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _request_exit, list(servers))
    serving = [asyncio.create_task(server.serve(sockets=[at])) for server, at in servers.items()]
    for server, task in zip(servers, serving, strict=True):
        await _wait_until_started(server, task)
    gc.freeze()  # what a start made is looked at no more
    gc.enable()
    announce()
    await asyncio.gather(*serving)


def url_of(sock: socket.socket, *, host: str, scheme: str) -> str:
    """Return the address at which this machine reaches a socket that is bound to `host`."""
    return f"{scheme}://{reachable_host(host)}:{sock.getsockname()[1]}"


def certify(options: ServeOptions, context: Context) -> Certificates:
    """Make certificates for the names that clients call this localaws by, and let children trust them."""
    public_host = urlsplit(options.public_url or "").hostname
    names = [reachable_host(options.host), *([public_host] if public_host else [])]
    certificates = make_certificates(context.data_dir / "tls", names=names)
    context.ca_bundle = certificates.bundle
    return certificates


def _uvicorn_config(app: Any, *, certificates: Certificates | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",  # whoever asks for a WebSocket gets the answer to a plain request
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        backlog=1024,
        ssl_certfile=certificates.server if certificates else None,
    )


def _request_exit(servers: Iterable[uvicorn.Server]) -> None:
    for server in servers:
        server.should_exit = True


async def _wait_until_started(server: uvicorn.Server, serving: "asyncio.Task[None]") -> None:
    while not server.started and not serving.done():
        await asyncio.sleep(0.005)


def _announce(url: str, certificates: Certificates | None) -> None:
    print(f"localaws ready {url}", flush=True)  # noqa: T201 - the ready line is this command's output
    if certificates is not None:
        print(f"localaws certificate {certificates.authority}", flush=True)  # noqa: T201
