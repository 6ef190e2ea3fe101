"""The web application of the serving container: GET /ping and POST /invocations, as raw ASGI.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Generator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from imgclf.errors import OverloadedError, RequestError, SlowBodyError, TooLargeError
from imgclf.serving import model_functions
from imgclf.serving.batching import Batcher
from imgclf.serving.bodies import Bodies, Incoming, Message, Receive
from imgclf.serving.runtimes import Pixels, ServedModel

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Headers = Mapping[str, str]
"""By name in lower case, as ASGI servers give them."""

MAX_JSON_BYTES = 64 * 1024
"""Of a JSON body: it holds one URL of at most 8,192 characters, and 6 MiB of JSON become 200 MB."""
MAX_IMAGES = 256
"""Images that are being decoded, or wait for it, at once."""
FETCH_THREADS = 8
MAX_FETCHES = 40
"""URLs that are being fetched, or wait for it, at once: at 10 s each, the last waits 50 s; SageMaker, 60."""


class App:
    """Answer requests with one loaded model."""

    def __init__(self, model: ServedModel) -> None:
        """Take the model; the threads start with the first request."""
        self._batcher = Batcher(lambda pixels: model_functions.predict_fn(pixels, model))
        self._decoders = ThreadPoolExecutor(max(2, os.cpu_count() or 2), thread_name_prefix="decode")
        self._fetchers = ThreadPoolExecutor(FETCH_THREADS, thread_name_prefix="fetch")
        self._bodies = Bodies()
        self._fetch_slots = asyncio.Semaphore(FETCH_THREADS)
        self._running = {"images": 0, "URLs": 0}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route one ASGI event."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            incoming = Incoming(receive, headers=headers)
            status, body = await self._route(scope, headers, incoming)
            await _answer(send, status, body, incoming=incoming)

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

    async def _route(self, scope: Scope, headers: Headers, incoming: Incoming) -> tuple[int, bytes]:
        """Return status and body."""
        route = scope["method"], scope["path"]
        if route in (("GET", "/ping"), ("HEAD", "/ping")):
            return 200, b"{}"
        if route != ("POST", "/invocations"):
            known = scope["path"] in ("/ping", "/invocations")
            message = f"{route[0]} {route[1]} is not served: use GET /ping or POST /invocations"
            return 405 if known else 404, _error(message)
        try:
            return 200, await self._invoke(headers, incoming)
        except RequestError as error:
            return error.status, _error(str(error))
        except ConnectionError:
            return 499, b""  # the client went away; nobody reads this
        except Exception:
            logger.exception("an invocation failed")
            return 500, _error("the model failed on this request: see the endpoint's log")

    async def _invoke(self, headers: Headers, incoming: Incoming) -> bytes:
        """Answer one invocation: read, fetch, decode, predict, encode."""
        content_type = headers.get("content-type", "")
        async with self._bodies.read(headers, incoming) as body:
            if model_functions.media_type(content_type) == model_functions.JSON_TYPE:
                if len(body) > MAX_JSON_BYTES:
                    raise TooLargeError(f"the JSON is over {MAX_JSON_BYTES // 1024} KiB: send a URL alone")
                pixels = await self._fetch_and_decode(body, content_type)
            else:
                pixels = await self._decode(model_functions.read_image(body, content_type))
            logits = await self._batcher.submit(pixels)
            return model_functions.output_fn(logits, headers.get("accept", "*/*"))

    async def _fetch_and_decode(self, body: bytes, content_type: str) -> Pixels:
        """Return the pixels of the image at a URL; threads of their own wait for its host.

        FETCH_THREADS images at most are in memory so: a slot is free again when its image is decoded.
        """
        with self._one_of("URLs", MAX_FETCHES):
            async with self._fetch_slots:
                loop, read = asyncio.get_running_loop(), model_functions.read_image
                return await self._decode(
                    await loop.run_in_executor(self._fetchers, read, body, content_type)
                )

    async def _decode(self, image: bytes) -> Pixels:
        """Return the image's pixels; the decoders' threads never wait for anything but memory."""
        with self._one_of("images", MAX_IMAGES):
            self._batcher.decoding += 1
            try:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._decoders, model_functions.decode_image, image)
            finally:
                self._batcher.decoding -= 1

    @contextmanager
    def _one_of(self, kind: str, most: int) -> Generator[None]:
        """Count what the block does; raise OverloadedError where `most` are at it already."""
        if self._running[kind] >= most:
            raise OverloadedError(f"{most} {kind} are in progress: try again in a moment")
        self._running[kind] += 1
        try:
            yield
        finally:
            self._running[kind] -= 1


async def _answer(send: Send, status: int, body: bytes, *, incoming: Incoming) -> None:
    """Send the whole answer; then close where the request is not read to its end.

    Else whoever drips a body that nobody reads, of a ping for one, would keep the connection for ever.
    """
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    is_cut = not incoming.is_whole
    if is_cut:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": is_cut})
    if is_cut:
        if status != SlowBodyError.status:
            await incoming.drain()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _error(message: str) -> bytes:
    """Return the JSON body of a refusal."""
    return json.dumps({"error": message}).encode()
