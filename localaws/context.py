"""What every part of localaws shares: address, folders, time, children, identity.

moto builds its backends itself, so they fetch the context here instead of getting it handed in.
"""

import os
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from localaws.asgi import Router
from localaws.clock import Clock
from localaws.cloudwatch.metrics import Metrics
from localaws.faults.rule_book import Faults
from localaws.iam.identity import CREDENTIALS_PATH, Credentials, Grant, Identity
from localaws.logs import RECENT_LINES, LogStream, RecentLines
from localaws.processes import Supervisor
from localaws.services import Service

ServiceT = TypeVar("ServiceT")

INHERITED_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE")
"""What a child may see of the environment of localaws; everything else is a container's business."""


@dataclass(kw_only=True)
class Context:
    """The shared state of one localaws process."""

    endpoint_url: str
    """Where AWS is, as clients and children are told."""
    credentials_url: str
    """Where role credentials are served: always loopback, the SDKs accept no other plain HTTP address."""
    data_dir: Path
    region: str
    clock: Clock
    supervisor: Supervisor
    identity: Identity
    ca_bundle: Path | None = None
    """The authorities that children and our own clients trust, where AWS is reached by TLS."""
    services: list[Service] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    metrics: Metrics = field(init=False)
    """Where services say what happened."""
    recent_lines: RecentLines = field(default_factory=lambda: deque(maxlen=RECENT_LINES))
    """The last lines of all logs."""
    _client_lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.metrics = Metrics(self.clock)

    def start_services(self, router: Router) -> None:
        """Let every service add its routes."""
        for service in self.services:
            service.register(router)

    def find_service(self, kind: type[ServiceT]) -> ServiceT:
        """Return the service of one class, or of one runtime-checkable protocol."""
        for service in self.services:
            if isinstance(service, kind):
                return service
        raise RuntimeError(f"localaws runs without its {kind.__name__}")

    async def stop_services(self) -> None:
        """Stop every service, the last started first."""
        for service in reversed(self.services):
            await service.stop()

    def close(self) -> None:
        """Stop every child that is left."""
        self.supervisor.close()

    def child_environment(self, *, region: str) -> dict[str, str]:
        """Return the variables that every child gets: where AWS is, and little of our own environment."""
        inherited = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}
        trusted = {"AWS_CA_BUNDLE": str(self.ca_bundle), "SSL_CERT_FILE": str(self.ca_bundle)}
        return (
            inherited
            | (trusted if self.ca_bundle else {})
            | {
                "AWS_ENDPOINT_URL": self.endpoint_url,
                "AWS_REGION": region,
                "AWS_DEFAULT_REGION": region,
                "AWS_EC2_METADATA_DISABLED": "true",
                "PYTHONUNBUFFERED": "1",
            }
        )

    def grant_environment(self, grant: Grant) -> dict[str, str]:
        """Return the variables through which a container fetches its role's credentials."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.credentials_url}{CREDENTIALS_PATH}{grant.id}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": grant.token,
        }

    def client(self, service: str, *, credentials: Credentials, region: str) -> Any:
        """Return a boto3 client of this localaws that acts as `credentials`.

        Making a client is not thread-safe in boto3, so it is serialised; using it is.
        """
        import boto3
        from botocore.config import Config

        with self._client_lock:
            return boto3.client(
                service,
                region_name=region,
                endpoint_url=self.endpoint_url,
                verify=None if self.ca_bundle is None else str(self.ca_bundle),
                aws_access_key_id=credentials.access_key_id,
                aws_secret_access_key=credentials.secret_access_key,
                aws_session_token=credentials.session_token,
                config=Config(retries={"mode": "standard", "max_attempts": 3}, max_pool_connections=16),
            )

    def log_stream(self, *, account_id: str, region: str, group: str, stream: str) -> LogStream:
        """Open a CloudWatch log stream, creating group and stream where they are missing."""
        return LogStream(
            account_id=account_id,
            region=region,
            group=group,
            stream=stream,
            now=self.clock.now,
            recent=self.recent_lines,
        )


_current: Context | None = None


def activate(context: Context | None) -> None:
    """Make `context` the one that moto's backends find (None ends it)."""
    global _current
    _current = context


def current() -> Context:
    """Return the active context."""
    if _current is None:
        raise RuntimeError("localaws is not running: activate() a Context first")
    return _current


def python_environment(variables: Mapping[str, str], *, sharers: int | None = None) -> dict[str, str]:
    """Return `variables` plus how many threads a child computes with.

    It is this machine's cores, shared by `sharers` processes, or one where their number is not known; the
    variables, and the environment of localaws, win.
    """
    threads = 1 if sharers is None else max(1, len(os.sched_getaffinity(0)) // max(1, sharers))
    return {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads))} | dict(variables)
