"""Serve moto's WSGI application from ASGI.

The body is read first, the call runs in a thread, and the answer goes out whole: moto keeps every
request and answer in memory anyway, so nothing is lost by not streaming, and a request costs one hop
between threads instead of one a chunk.
"""

import asyncio
import io
import json
import logging
import sys
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from xml.parsers.expat import ExpatError

from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.moto_server import werkzeug_app

from localaws.asgi import FORM, Request, Response, Scope, aws_error
from localaws.moto_dispatch import Dispatcher
from localaws.protocols import Call, error_answer, not_implemented, read_call
from localaws.steps import Exchange
from localaws.wire.refusals import invalid, unreadable

logger = logging.getLogger(__name__)

NO_ROUTE, HTML = (404, 405), b"<!doctype html>"
"""How Werkzeug answers where moto has no route for a path. No service of AWS answers a signed request so."""

UNREADABLE = (ExpatError, UnicodeError, json.JSONDecodeError, RecursionError)
"""What moto raises where a body is not what the protocol writes."""
UNEXPECTED = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, NameError)
"""What moto raises on members that it did not expect. To ask again would not help: its handlers only read and
write its state. From code of localaws the same are defects, and answered as AWS answers its own."""

MOTO_PATHS = ("/moto-api", "/latest/meta-data/", "/latest/api/", "/favicon.ico")
"""Paths that moto answers itself, whatever service a request is for."""

WORKERS = 32
"""Threads for moto's handlers; they never wait for children, so this bounds memory, not jobs."""
POLLS = 256
"""Threads for what waits for messages, up to 20 seconds: consumers of queues must not keep others waiting."""
POLL_TARGET, POLL_FORM = b"AmazonSQS.ReceiveMessage", b"Action=ReceiveMessage"
"""What such a request says, in JSON's protocol and in a form."""


def create_moto_application(prepare: Callable[[str], None] = lambda service: None) -> Any:
    """Return moto's dispatcher; its Flask apps are built at the first request to each service.

    `prepare` is called with a service's name before that.

    Their debug flag is switched off: with it, Werkzeug would show tracebacks to clients. So is CORS for every
    page: `origins` says which pages may ask for what. What their handlers
    raise comes out, as only the bridge can answer it in the protocol of the client.
    """

    werkzeug_app.DISABLE_GLOBAL_CORS = True  # type: ignore[attr-defined]  # an import of its settings

    def create(service: Any) -> Any:
        if service is None:
            raise NotImplementedError
        prepare(service)
        app = werkzeug_app.create_backend_app(service)
        app.debug = False
        app.config["PROPAGATE_EXCEPTIONS"] = True
        return app

    return Dispatcher(create)


def build_environ(*, scope: Scope, body: bytes) -> dict[str, Any]:
    """Translate an ASGI scope into a WSGI environ; the raw path and S3's metadata names are kept."""
    raw_path = scope.get("raw_path") or scope["path"].encode()
    query = scope["query_string"].decode("latin-1")
    server_host, server_port = scope.get("server") or ("127.0.0.1", 0)
    client_host, client_port = scope.get("client") or ("127.0.0.1", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode("utf-8").decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": raw_path.decode("latin-1") + (f"?{query}" if query else ""),
        "SERVER_NAME": server_host,
        "SERVER_PORT": str(server_port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client_host,
        "REMOTE_PORT": str(client_port),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    _add_headers(environ, scope["headers"])
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)  # the body is whole; moto would take it for empty
    return environ


def _add_headers(environ: dict[str, Any], headers: Iterable[tuple[bytes, bytes]]) -> None:
    preserved: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        key = environ_key_for_header(name)
        if should_preserve_original_header_name(name):
            preserved[key] = name
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = preserved


class MotoBridge:
    """moto as an ASGI handler."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._executor = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="moto")
        self._polls = ThreadPoolExecutor(max_workers=POLLS, thread_name_prefix="moto-poll")

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one request from moto."""
        request, scope, send = exchange.request, exchange.scope, exchange.send
        sent = await request.body()
        loop = asyncio.get_running_loop()
        call = partial(self._call, build_environ(scope=scope, body=sent))
        executor = self._polls if is_poll(scope, sent) else self._executor
        try:
            status, headers, body = await loop.run_in_executor(executor, call)
        except Exception as error:  # noqa: BLE001 - the process boundary: one bad request must not end the server
            await answer_failure(error, request=request, body=sent).send(send)
            return
        if status in NO_ROUTE and body.startswith(HTML) and (missing := read_request(request, body=sent)):
            await not_implemented(missing).send(send)
            return
        if scope["method"] != "HEAD":
            headers = [pair for pair in headers if pair[0] != b"content-length"]
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})

    def is_for_s3(self, scope: Scope) -> bool:
        """Tell whether moto takes a request for one to S3, whatever its body says."""
        path, headers = scope["path"], dict(scope["headers"])
        if path.startswith(MOTO_PATHS) or headers.get(b"content-type", b"").lower().startswith(FORM.encode()):
            return False
        host = self._application.infer_service_region_host(build_environ(scope=scope, body=b""), path)
        return host is None or host.startswith("s3.")

    def _call(self, environ: dict[str, Any]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        answer: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            answer["status"] = int(status.split(" ", 1)[0])
            answer["headers"] = [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers]

        try:
            chunks = self._application(environ, start_response)
        except StopIteration as error:  # no future takes one, and the client would wait for ever
            raise LookupError("nothing was found").with_traceback(error.__traceback__) from error
        try:
            body = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        return answer["status"], answer["headers"], body

    def close(self) -> None:
        """Stop the threads; handlers that still run are left to end."""
        for executor in (self._executor, self._polls):
            executor.shutdown(wait=False, cancel_futures=True)


def is_poll(scope: Scope, body: bytes) -> bool:
    """Tell whether a request may wait for messages."""
    return (b"x-amz-target", POLL_TARGET) in scope["headers"] or POLL_FORM in body[:4096]


def read_request(request: Request, *, body: bytes) -> Call | None:
    """Return what a request asks for, or None where it is not signed."""
    return read_call(
        method=request.method, path=request.path, query=request.query, headers=request.headers, body=body
    )


def answer_failure(error: Exception, *, request: Request, body: bytes) -> Response:
    """Return what a client is told of what moto raised; what is missing is not to be tried again."""
    call = read_request(request, body=body)
    if isinstance(error, NotImplementedError) and call:
        said = str(error)
        return not_implemented(call, detail="" if call.action in said else said)
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    if isinstance(error, UNREADABLE) and call:
        return unreadable(call, message=f"the request cannot be read: {error}")
    if isinstance(error, UNREADABLE) and not is_ours(error):
        message = f"the request cannot be read: {error}"
        return aws_error(status=400, code="SerializationException", message=message)
    if isinstance(error, UNEXPECTED) and call and not is_ours(error):
        reason = f"{type(error).__name__}: {error}"
        return invalid(call, message=f"localaws cannot answer {call.action} with these members ({reason})")
    return internal_error(error, call=call)


def is_ours(error: Exception) -> bool:
    """Tell whether code of localaws failed, and not moto's: of both's calls, the last is one of localaws'."""
    modules = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__))
    packages = [
        package for module in modules if (package := module.partition(".")[0]) in ("localaws", "moto")
    ]
    return bool(packages) and packages[-1] == "localaws"


def internal_error(error: Exception, *, call: Call | None = None) -> Response:
    """Return the 500 that a failure of localaws itself becomes."""
    code, message = "InternalFailure", f"localaws: {type(error).__name__}"
    if call is None:
        return aws_error(status=500, code=code, message=message)
    return error_answer(call, status=500, code=code, message=message)
