"""Clients of AWS that act as the role of a model, for what the platform does in its name."""

import threading
from typing import Any

from localaws.context import Context

RENEW_S = 1800.0
"""AWS seconds that a client is used: its session lasts an hour."""


class RoleClients:
    """One client for each role, service and region. Thread-safe."""

    def __init__(self, *, context: Context) -> None:
        self._context = context
        self._clients: dict[tuple[str, str, str], tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def find(self, service: str, *, role_arn: str, region: str) -> Any:
        """Return a client; making one takes some time, so call it in a thread."""
        key, now = (service, role_arn, region), self._context.clock.monotonic()
        with self._lock:
            made_at, client = self._clients.get(key, (0.0, None))
            if client is None or now - made_at > RENEW_S:
                credentials = self._context.identity.assume(role_arn=role_arn, session_name="SageMaker")
                client = self._context.client(service, credentials=credentials, region=region)
                self._clients[key] = (now, client)
            return client
