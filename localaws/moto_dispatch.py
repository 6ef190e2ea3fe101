"""moto's way from a request to an action, without what it works out again for each request.

- Which service a host stands for: moto lists its own folders, and tries some hundred patterns.
- Which methods a class of actions has: moto asks `inspect` for all of them.
- Under which names a member of an answer may be found: moto tries up to eight for each.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from moto.core import responses
from moto.core.responses import ActionContext, ActionResult
from moto.core.utils import method_names_from_class
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

MAX_HOSTS = 1024


class Dispatcher(DomainDispatcherApplication):
    """moto's dispatcher, which remembers the service of each host."""

    def __init__(self, create_app: Callable[[Any], Any]) -> None:
        super().__init__(create_app)
        self._known: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """Return the name of the service that a host stands for; None for none."""
        if host not in self._known:
            if len(self._known) >= MAX_HOSTS:  # hosts hold what clients call their regions
                self._known.clear()
            self._known[host] = super().get_backend_for_host(host)
        return self._known[host]


class ExactResult(ActionResult):
    """A result whose mappings have AWS's own member names, at every level: no others are tried."""

    def execute_result(self, context: ActionContext) -> Any:
        """Write the result in the protocol of the request."""
        # mypy takes the class, which `cache` hashes, for one of its instances
        context.serializer_class = _exact(context.serializer_class)  # type: ignore[arg-type]
        return super().execute_result(context)


@cache
def _exact(serializer: Any) -> Any:
    """Return a serializer that finds a member by its name alone."""

    def get_value(self: Any, value: Any, key: str, shape: Any) -> Any:
        return value.get(key)

    return type(f"Exact{serializer.__name__}", (serializer,), {"get_value": get_value})


def install() -> None:
    """Let moto remember the methods of each class of actions (their number is bounded by moto's services)."""
    responses.method_names_from_class = cache(method_names_from_class)  # type: ignore[attr-defined]
