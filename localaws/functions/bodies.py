"""Bodies of requests that become events: never more in memory than Lambda takes."""

from localaws.asgi import BodyTooLargeError, Request
from localaws.functions.errors import RequestTooLargeError


async def read_body(request: Request, *, limit: int) -> bytes:
    """Return the body; raises RequestTooLargeError for more than `limit` bytes."""
    if int(request.headers.get("content-length") or 0) > limit:
        raise RequestTooLargeError(limit)
    try:
        return await request.body(limit_bytes=limit)
    except BodyTooLargeError as error:
        raise RequestTooLargeError(limit) from error
