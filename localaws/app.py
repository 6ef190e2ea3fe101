"""The ASGI application: localaws' own routes first, moto for everything else."""

import json
import logging
from collections.abc import Sequence

from localaws.asgi import Message, Receive, Request, Response, Router, Scope, Send, aws_error
from localaws.context import Context
from localaws.identity import CREDENTIALS_PATH
from localaws.moto_bridge import MotoBridge, create_moto_application, internal_error
from localaws.origins import Guard

logger = logging.getLogger(__name__)


def adding_headers(send: Send, added: Sequence[tuple[bytes, bytes]]) -> Send:
    """Return a `send` that puts headers in the place of those of the same names."""
    names = {name for name, _ in added}

    async def send_with(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [pair for pair in message["headers"] if pair[0].lower() not in names]
            message = {**message, "headers": [*kept, *added]}
        await send(message)

    return send_with


class Application:
    """Route requests to native handlers or to moto."""

    def __init__(self, context: Context, *, guard: Guard) -> None:
        self.router = Router()
        self._guard = guard
        self._context = context
        self._moto = MotoBridge(create_moto_application())
        self.router.add("GET", f"{CREDENTIALS_PATH}(?P<grant_id>[0-9a-f]+)", self._serve_credentials)
        self.router.add("GET", "/_localaws/health", self._serve_health)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection (HTTP only; the server runs without lifespan)."""
        if scope["type"] != "http":
            raise RuntimeError(f"localaws serves HTTP, not {scope['type']}")
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").split("?", 1)[0]
        request = Request(
            method=scope["method"],
            path=path,
            query=scope["query_string"].decode("latin-1"),
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            receive=receive,
        )
        try:
            await self._answer(request, scope, send)
        except Exception as error:  # the process boundary: one bad request must not end the server
            logger.exception("%s %s failed", request.method, path)
            await internal_error(error).send(send)

    async def _answer(self, request: Request, scope: Scope, send: Send) -> None:
        found = self.router.find(method=request.method, path=request.path)
        verdict = self._guard.judge(request, is_s3=lambda: found is None and self._moto.is_for_s3(scope))
        if verdict.refusal is not None:
            logger.warning("%s %s refused: %s", request.method, request.path, verdict.refusal)
            await aws_error(status=403, code="AccessDenied", message=verdict.refusal).send(send)
            return
        if verdict.page is not None:
            send = adding_headers(send, verdict.page.headers())
        if found is None:
            await self._moto(request, scope, send)
            return
        handler, request.params = found
        response = await handler(request)
        await response.send(send)

    async def _serve_credentials(self, request: Request) -> Response:
        credentials = self._context.identity.redeem(
            grant_id=request.params["grant_id"], token=request.headers.get("authorization", "")
        )
        if credentials is None:
            return Response(status=403, body=b'{"message": "wrong or ended credentials grant"}')
        document = credentials.as_container_document()
        return Response(body=document, headers={"content-type": "application/json"})

    async def _serve_health(self, request: Request) -> Response:
        children = [{"name": child.name, "pid": child.pid} for child in self._context.supervisor.running()]
        body = json.dumps({"status": "ready", "children": children}).encode()
        return Response(body=body, headers={"content-type": "application/json"})

    def close(self) -> None:
        """Stop the threads of moto."""
        self._moto.close()
