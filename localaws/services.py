"""What a part of localaws implements that needs routes, or work at the end."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from localaws.asgi import Router


class Service(Protocol):
    """One part with a life of its own, made once for each localaws process."""

    def register(self, router: Router) -> None:
        """Add native routes (called before the first request)."""
        ...

    async def stop(self) -> None:
        """End background work and children; called once, while the event loop still runs."""
        ...


@runtime_checkable
class Describes(Protocol):
    """A service that the status page shows something of."""

    def describe(self) -> Mapping[str, Iterable[Mapping[str, Any]]]:
        """Return rows by the page's section; called in the event loop, each two seconds while one looks."""
        ...
