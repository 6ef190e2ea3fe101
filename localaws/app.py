"""The ASGI application: a request passes a chain of steps, and moto answers what none of them did.

    origins -> sandbox -> request ids -> faults -> permissions -> CBOR -> last use of keys -> native routes
        -> S3's objects -> bounds of bodies -> service models -> moto

What is to look at every request is one more step in `Application.__init__`.
"""

import json
import logging

from localaws.asgi import (
    CUT,
    BodyTooLargeError,
    ClientGoneError,
    ConnectionCutError,
    Receive,
    Request,
    Response,
    Router,
    Scope,
    Send,
)
from localaws.assembly import install_late
from localaws.context import Context
from localaws.faults.step import FaultStep
from localaws.iam.enforcement.guard import Guard as PermissionGuard
from localaws.iam.identity import CREDENTIALS_PATH
from localaws.iam.uses import note_caller
from localaws.moto_bridge import MotoBridge, create_moto_application, internal_error
from localaws.origins import Guard, OriginCheck
from localaws.s3.service import ObjectService
from localaws.sandbox import sandbox_pages
from localaws.steps import Exchange, Step, answer_by_route, build_chain
from localaws.wire.bodies import bound_body, too_large
from localaws.wire.cbor import speak_cbor
from localaws.wire.request_ids import add_request_id
from localaws.wire.step import check_by_model

logger = logging.getLogger(__name__)


class Application:
    """Take each request through the chain."""

    def __init__(self, context: Context, *, guard: Guard, permissions: PermissionGuard | None = None) -> None:
        self.router = Router()
        self._context = context
        self._moto = MotoBridge(create_moto_application(install_late))
        steps: list[Step] = [
            OriginCheck(guard=guard, is_for_s3=self._moto.is_for_s3),
            sandbox_pages,
            add_request_id,
            FaultStep(context.faults, clock=context.clock, supervisor=context.supervisor),
            *self._make_checks(permissions),
            speak_cbor,
            note_caller,
            answer_by_route,
            context.find_service(ObjectService).make_step(is_for_s3=self._moto.is_for_s3),
            bound_body,
            check_by_model,
        ]
        self._answer = build_chain(steps, last=self._moto)
        self.router.add("GET", f"{CREDENTIALS_PATH}(?P<grant_id>[0-9a-f]+)", self._serve_credentials)
        self.router.add("GET", "/_localaws/health", self._serve_health)

    def _make_checks(self, permissions: PermissionGuard | None) -> list[Step]:
        """Return the step that holds requests against policies; none where permissions do not count."""
        if permissions is None:
            return []
        from localaws.iam.enforcement.step import PermissionStep
        from localaws.iam.needs.finding import find_needs

        return [PermissionStep(permissions, find_needs=find_needs, is_for_s3=self._moto.is_for_s3)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection (HTTP only; the server runs without lifespan)."""
        if scope["type"] != "http":
            raise RuntimeError(f"localaws serves HTTP, not {scope['type']}")
        request = read_head(scope, receive)
        handler, request.params = self.router.find(method=request.method, path=request.path) or (None, {})
        try:
            await self._answer(Exchange(request=request, scope=scope, send=send, handler=handler))
        except ClientGoneError:
            logger.info("%s %s was not sent to its end", request.method, request.path)
        except ConnectionCutError:
            await send({"type": CUT})
        except BodyTooLargeError as error:
            await too_large(request, error).send(send)
        except Exception as error:  # the process boundary: one bad request must not end the server
            logger.exception("%s %s failed", request.method, request.path)
            await internal_error(error).send(send)

    async def serve_credentials_only(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the credentials of containers, and nothing else."""
        if str(scope["path"]).startswith(CREDENTIALS_PATH):
            await self(scope, receive, send)
        else:
            await Response(status=404).send(send)

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


def read_head(scope: Scope, receive: Receive) -> Request:
    """Return the request of an ASGI connection; its body has not been read."""
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").split("?", 1)[0]
    return Request(
        method=scope["method"],
        path=path,
        query=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        receive=receive,
    )
