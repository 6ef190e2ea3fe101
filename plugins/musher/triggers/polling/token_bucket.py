"""Keep calls below a rate."""

import asyncio

from musher import clock


class TokenBucket:
    """Hold `burst` tokens at most, of which `per_s` come back in a second; a call takes one."""

    def __init__(self, *, per_s: float, burst: float) -> None:
        """Start full."""
        self._per_s = per_s
        self._burst = burst
        self._tokens = burst
        self._counted_at = clock.now()
        self._turn = asyncio.Lock()

    def try_take(self) -> bool:
        """Take a token where there is one; return whether there was."""
        now = clock.now()
        # A clock that is put back gives no tokens, and takes none.
        back = max(0.0, now - self._counted_at) * self._per_s
        self._tokens, self._counted_at = min(self._burst, self._tokens + back), now
        if self._tokens < 1 - 1e-9:
            return False
        self._tokens -= 1
        return True

    async def take(self) -> None:
        """Wait for a token, in the order of asking."""
        async with self._turn:
            while not self.try_take():
                await clock.sleep((1 - self._tokens) / self._per_s)
