"""The web application of the serving container: GET /ping and POST /invocations, as raw ASGI.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

from imgclf.artifacts import LoadedModel
from imgclf.errors import ImageError, OverloadedError, RequestError, TooLargeError
from imgclf.serving import model_functions
from imgclf.serving.batching import Batcher

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES = 6 * 2**20
"""Largest request body that is read into memory."""
BODY_TIMEOUT_S = 30.0
"""For a client to send its whole body."""
MAX_REQUESTS = 256
"""Invocations in progress at once; together with MAX_BODY_BYTES it bounds the memory."""
DRAIN_BYTES, DRAIN_S = 100 * 2**20, 5.0
"""How much of a refused body is read and thrown away, so that the client gets to read the answer."""
FETCH_THREADS = 16


class App:
    """Answer requests with one loaded model."""

    def __init__(self, model: LoadedModel) -> None:
        """Take the model; the threads start with the first request."""
        self._batcher = Batcher(lambda pixels: model_functions.predict_fn(pixels, model))
        self._decoders = ThreadPoolExecutor(max(2, os.cpu_count() or 2), thread_name_prefix="decode")
        self._fetchers = ThreadPoolExecutor(FETCH_THREADS, thread_name_prefix="fetch")
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route one ASGI event."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            status, body, drained = await self._route(scope, receive)
            await _answer(send, status, body, receive=None if drained else receive)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """Acknowledge start and stop; free the threads at the stop."""
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                await self._batcher.close()
                self._decoders.shutdown(cancel_futures=True)
                self._fetchers.shutdown(wait=False, cancel_futures=True)
                return

    async def _route(self, scope: Scope, receive: Receive) -> tuple[int, bytes, bool]:
        """Return status, body, and whether nothing of the request is left to read."""
        route = scope["method"], scope["path"]
        if route in (("GET", "/ping"), ("HEAD", "/ping")):
            return 200, b"{}", True
        if route != ("POST", "/invocations"):
            known = scope["path"] in ("/ping", "/invocations")
            message = f"{route[0]} {route[1]} is not served: use GET /ping or POST /invocations"
            return 405 if known else 404, _error(message), False
        try:
            return 200, await self._invoke(scope, receive), True
        except RequestError as error:
            return error.status, _error(str(error)), not isinstance(error, TooLargeError | OverloadedError)
        except ConnectionError:
            return 499, b"", True  # the client went away; nobody reads this
        except Exception:
            logger.exception("an invocation failed")
            return 500, _error("the model failed on this request: see the endpoint's log"), True

    async def _invoke(self, scope: Scope, receive: Receive) -> bytes:
        """Answer one invocation: read, decode, predict, encode."""
        if self._requests >= MAX_REQUESTS:
            raise OverloadedError(f"{MAX_REQUESTS} requests are in progress: try again in a moment")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self._requests += 1
        try:
            body = await _read_body(headers, receive)
            pixels = await self._decode(body, headers.get("content-type", ""))
            logits = await self._batcher.submit(pixels)
            return model_functions.output_fn(logits, headers.get("accept", "*/*"))
        finally:
            self._requests -= 1

    async def _decode(self, body: bytes, content_type: str) -> torch.Tensor:
        """Run input_fn in a thread; fetching URLs has its own, so that it never holds up images."""
        loop = asyncio.get_running_loop()
        if content_type.startswith("application/json"):
            return await loop.run_in_executor(self._fetchers, model_functions.input_fn, body, content_type)
        self._batcher.decoding += 1
        try:
            return await loop.run_in_executor(self._decoders, model_functions.input_fn, body, content_type)
        finally:
            self._batcher.decoding -= 1


async def _read_body(headers: dict[str, str], receive: Receive) -> bytes:
    """Return the body; raise TooLargeError before more than MAX_BODY_BYTES are in memory."""
    too_large = TooLargeError(f"the body is over {MAX_BODY_BYTES} bytes: send a smaller image or its URL")
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > MAX_BODY_BYTES:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ConnectionError("the client went away")
                body += message.get("body", b"")
                if len(body) > MAX_BODY_BYTES:
                    raise too_large
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise ImageError(f"the body did not arrive within {BODY_TIMEOUT_S:.0f} s: send it faster") from None


async def _answer(send: Send, status: int, body: bytes, *, receive: Receive | None) -> None:
    """Send the whole answer; where the request is still being sent, read it away before the end."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if receive is not None:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": receive is not None})
    if receive is not None:
        await _drain(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drain(receive: Receive) -> None:
    """Throw the rest of a refused body away, within limits: a closed socket would lose the answer."""
    left = DRAIN_BYTES
    try:
        async with asyncio.timeout(DRAIN_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        logger.info("a refused client was still sending after %s s", DRAIN_S)


def _error(message: str) -> bytes:
    """Return the JSON body of a refusal."""
    return json.dumps({"error": message}).encode()
