"""Keep what is stored here from acting in localaws' own name when a browser shows it.

A page that is an object of a bucket, or the answer of a function, lies under localaws' origin. To its script
the browser would allow any GET with any header, and so a signed one that creates a stack with a function.
https://www.w3.org/TR/CSP3/#directive-sandbox
"""

from collections.abc import Awaitable, Mapping

from localaws.asgi import Message
from localaws.origins import STATUS_PAGE
from localaws.steps import Exchange, Forward

SANDBOX = "sandbox allow-scripts allow-forms allow-popups allow-downloads"
"""With this a page has an origin that no other has: what it asks of localaws is another site's request."""
POLICY = b"content-security-policy"
PDF = b"application/pdf"
"""Its scripts have no origin; browsers show none in a sandbox."""


def is_browser(headers: Mapping[str, str]) -> bool:
    """Tell whether a browser asks, which may show the answer as a page: no SDK sends either header."""
    return "sec-fetch-dest" in headers or "text/html" in headers.get("accept", "")


def sandbox_pages(exchange: Exchange, forward: Forward) -> Awaitable[None]:
    """Hand the request on, and put its answer into a sandbox.

    A policy that it brings holds as well: browsers look at all of them. The status page alone is ours.
    """
    send = exchange.send

    async def send_in_sandbox(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers") or [])
            found = dict(headers)
            is_own = POLICY in found and exchange.request.path.startswith(STATUS_PAGE)
            if not is_own and not found.get(b"content-type", b"").startswith(PDF):
                headers.append((POLICY, SANDBOX.encode()))
            message = {**message, "headers": headers}
        await send(message)

    if is_browser(exchange.request.headers):
        exchange.send = send_in_sandbox
    return forward(exchange)
