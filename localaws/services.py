"""What a part of localaws implements that needs routes, or work at the end."""

from typing import Protocol

from localaws.asgi import Router


class Service(Protocol):
    """One part with a life of its own, made once for each localaws process."""

    def register(self, router: Router) -> None:
        """Add native routes (called before the first request)."""
        ...

    async def stop(self) -> None:
        """End background work and children; called once, while the event loop still runs."""
        ...
