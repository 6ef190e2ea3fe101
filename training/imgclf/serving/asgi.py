"""The web application of the serving container: GET /ping, POST /invocations, GET /metrics, as raw ASGI.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from imgclf.errors import LateError, OverloadedError, SlowBodyError
from imgclf.serving import metrics, model_functions
from imgclf.serving.answers import Answer
from imgclf.serving.bodies import Bodies, Incoming, Message, Receive
from imgclf.serving.calls import Call, Reply
from imgclf.serving.engine import Engine
from imgclf.serving.figures import BEAT_S, Board
from imgclf.serving.logs import InvocationLog
from imgclf.serving.questions import Elsewhere, media_type, read_question
from imgclf.serving.runtimes import Logits, ServedModel

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Headers = Mapping[str, str]
"""By name in lower case, as ASGI servers give them."""

FETCH_THREADS = 8
MAX_FETCHES = 40
"""Images that are being fetched, or wait for it, at once: at 10 s each, the last waits 50 s."""
DEADLINE_S = 55.0
"""From a request's headers to its answer. SageMaker gives up after 60 s, and gives no reason then.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html"""
ROUTES = {"/ping": ("GET", "HEAD"), "/metrics": ("GET",), "/invocations": ("POST",)}


class App:
    """Answer requests with one loaded model."""

    def __init__(self, model: ServedModel, board: Board | None = None) -> None:
        """Take the model, and what the processes that serve it tell each other; start the engine."""
        self._board = board or Board()
        self._metrics = self._board.metrics
        processes = self._board.size
        self._engine = Engine(
            decode=model_functions.decode_image,
            predict=lambda pixels: model_functions.predict_fn(pixels, model),
            metrics=self._metrics,
            streams=model.runtime.streams,
            processes=processes,
        )
        self._log = InvocationLog()
        fetch_threads = FETCH_THREADS // processes
        self._fetchers = ThreadPoolExecutor(fetch_threads, thread_name_prefix="fetch")
        self._bodies = Bodies(processes=processes)
        self._fetch_slots = asyncio.Semaphore(fetch_threads)
        self._fetches, self._max_fetches = 0, MAX_FETCHES // processes
        self._fault: str | None = None
        self._next_beat: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route one ASGI event."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            incoming = Incoming(receive, headers=headers)
            answer = await self._route(scope, headers, incoming)
            self._metrics.count(scope["path"], answer.status)
            await _answer(send, answer, incoming=incoming)

    def take(self, headers: Iterable[tuple[bytes, bytes]], body: bytes, reply: Reply) -> Call | None:
        """Begin to answer an invocation whose body is whole; None where it must be awaited, as a URL must.

        `reply` gets the one answer in the event loop, perhaps before this returns.
        """

        def finish(answer: Answer) -> None:
            self._metrics.count("/invocations", answer.status)
            self._note(answer, call.content_type, call.received, seconds=time.monotonic() - call.started)
            reply(answer)

        call = Call(headers, body, finish)
        return call if call.begin(self._engine, deadline_s=DEADLINE_S) else None

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """Acknowledge start and stop; free the threads at the stop."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._beat()
            is_end = message["type"] == "lifespan.shutdown"
            if is_end:  # before it is acknowledged: the event loop ends then
                if self._next_beat is not None:
                    self._next_beat.cancel()
                self._fetchers.shutdown(wait=False, cancel_futures=True)
                await self._engine.close()
                self._log.flush()
            await send({"type": f"{message['type']}.complete"})
            if is_end:
                return

    async def _route(self, scope: Scope, headers: Headers, incoming: Incoming) -> Answer:
        """Return the answer to any request."""
        method, path = scope["method"], scope["path"]
        if method not in ROUTES.get(path, ()):
            message = f"{method} {path[:200]} is not served: use GET /ping or POST /invocations"
            return Answer.refusal(405 if path in ROUTES else 404, message)
        if path == "/ping":
            fault = self._tell() or self._board.find_fault()
            return Answer.refusal(503, fault) if fault else Answer(status=200, body=b"{}")
        if path == "/metrics":
            self._tell()
            return Answer(status=200, body=self._board.render(), content_type=metrics.CONTENT_TYPE.encode())
        started = time.monotonic()
        answer = await self._invoke(headers, incoming)
        content_type = headers.get("content-type", "")
        self._note(answer, content_type, incoming.received, seconds=time.monotonic() - started)
        return answer

    def _note(self, answer: Answer, content_type: str, received: int, *, seconds: float) -> None:
        """Count and log an invocation."""
        self._metrics.invocations.observe(seconds)
        self._log.note(
            status=answer.status,
            seconds=seconds,
            content_type=media_type(content_type),
            received=received,
            reason=answer.reason,
        )

    def _tell(self) -> str | None:
        """Tell all processes how this one is; return what its fault is, None where all is well."""
        fault = self._engine.find_fault()
        if fault and not self._fault:
            logger.error("no answers are to be expected: %s", fault)
        self._fault = fault
        self._board.tell(images=self._engine.waiting, fetches=self._fetches, is_faulty=fault is not None)
        return fault

    def _beat(self) -> None:
        """Tell them from now on, so that they know that this event loop turns."""
        self._tell()
        self._next_beat = asyncio.get_running_loop().call_later(BEAT_S, self._beat)

    async def _invoke(self, headers: Headers, incoming: Incoming) -> Answer:
        """Return the answer to an invocation, within DEADLINE_S."""
        try:
            async with asyncio.timeout(DEADLINE_S) as limit:
                return Answer(status=200, body=await self._predict(headers, incoming))
        except Exception as error:  # noqa: BLE001 - it is the request's answer
            if isinstance(error, TimeoutError) and limit.expired():
                error = LateError(f"no answer within {DEADLINE_S:.0f} s: try again later")
            return Answer.of_error(error)

    async def _predict(self, headers: Headers, incoming: Incoming) -> bytes:
        """Answer one invocation: read, fetch, decode, predict, encode."""
        accept = headers.get("accept", "*/*")
        async with self._bodies.read(headers, incoming) as body:
            model_functions.is_verbose(accept)
            question = read_question(body, headers.get("content-type", ""))
            if isinstance(question, Elsewhere):
                logits = await self._fetch_and_predict(question)
            else:
                logits = await self._engine.submit(question)
            return model_functions.output_fn(logits, accept)

    async def _fetch_and_predict(self, question: Elsewhere) -> Logits:
        """Return the logits of an image that lies elsewhere; threads of their own wait for its host.

        FETCH_THREADS images at most are in memory so: a slot is free again when its image is answered.
        """
        if self._fetches >= self._max_fetches:
            raise OverloadedError(f"{self._max_fetches} URLs are in progress: try again in a moment")
        self._fetches += 1
        try:
            async with self._fetch_slots:
                loop = asyncio.get_running_loop()
                image = await loop.run_in_executor(self._fetchers, model_functions.fetch, question)
                return await self._engine.submit([image])
        finally:
            self._fetches -= 1


async def _answer(send: Send, answer: Answer, *, incoming: Incoming) -> None:
    """Send the whole answer; then close where the request is not read to its end.

    Else whoever drips a body that nobody reads, of a ping for one, would keep the connection for ever.
    """
    headers = answer.headers()
    is_cut = not incoming.is_whole
    if is_cut:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": is_cut})
    if is_cut:
        if answer.status != SlowBodyError.status:
            await incoming.drain()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
