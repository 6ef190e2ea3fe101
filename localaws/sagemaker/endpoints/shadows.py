"""Shadow variants: a share of the requests is mirrored to them, and nobody waits for their answers.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests.html; "the percentage of requests" is the
shadow variant's weight relative to that of the production variant.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

from localaws.sagemaker.endpoints.fleet import Variant

Ask = Callable[[Variant], Awaitable[None]]
"""Send the request to a variant, count it, and keep no answer."""


def mirrored_share(variant: Variant) -> float:
    """Return how many of a production variant's requests its shadow gets, from 0 to 1."""
    shadow = variant.shadow
    if shadow is None or shadow.weight <= 0:
        return 0.0
    return min(1.0, shadow.weight / variant.weight) if variant.weight > 0 else 1.0


class Mirror:
    """Requests under way to shadow variants; lives on the event loop."""

    def __init__(self, *, rng: random.Random) -> None:
        self._rng = rng
        self._under_way: set[asyncio.Task[None]] = set()

    def reflect(self, variant: Variant, ask: Ask) -> None:
        """Send a request that `variant` gets to its shadow too, if the share falls on it; returns at once."""
        share = mirrored_share(variant)
        if variant.shadow is None or share <= 0 or self._rng.random() >= share:
            return
        task = asyncio.ensure_future(ask(variant.shadow))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def close(self) -> None:
        """Drop what is under way."""
        for task in self._under_way:
            task.cancel()
