"""A server of known slowness, in a process of its own: `slow_server.py STALL_AT_S STALL_FOR_S DELAY_S`.

Prints its port. Every answer takes DELAY_S; requests that come within the stall wait for its end. Seconds
count from the first request. Its answers' number of bytes is that of the request's body.
"""

import asyncio
import sys

from aiohttp import web

STALL_AT_S, STALL_FOR_S, DELAY_S = (float(word) for word in sys.argv[1:4])


class Server:
    """The one handler, and when it was first asked."""

    started: float | None = None

    async def answer(self, request: web.Request) -> web.Response:
        """Answer after the delay and the stall; /refuse refuses."""
        now = asyncio.get_running_loop().time()
        self.started = self.started or now
        body = await request.read()
        if request.path == "/refuse":
            return web.Response(status=429)
        passed = now - self.started
        end = STALL_AT_S + STALL_FOR_S
        await asyncio.sleep(DELAY_S + (end - passed if STALL_AT_S <= passed < end else 0))
        return web.Response(body=b"x" * len(body))


async def main() -> None:
    """Serve until the process ends."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", Server().answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


asyncio.run(main())
