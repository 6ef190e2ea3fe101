"""Invoke: the native route, and what deploys and runs functions behind it."""

import asyncio
import json
import logging
import os
import random
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from moto.awslambda.exceptions import LambdaClientError, ValidationException
from moto.core.exceptions import JsonRESTError
from moto.iam.models import get_account_id_from

from localaws.asgi import Request, Response, Router, aws_error
from localaws.cloudwatch.sources.functions import Called, FunctionLoad
from localaws.context import Context
from localaws.errors import ChildStartError
from localaws.functions import arns, invocations
from localaws.functions.concurrency import ACCOUNT_LIMIT, Allowance, Concurrency
from localaws.functions.description import describe_functions
from localaws.functions.errors import (
    InvalidRequestContentError,
    RequestTooLargeError,
    ServiceError,
    ThrottledError,
    UnreachableRegionError,
)
from localaws.functions.events import Event, EventQueue
from localaws.functions.invocations import Invocation, Outcome, Result
from localaws.functions.packages import Packages, remove_tree
from localaws.functions.pool import EnvironmentPool
from localaws.functions.runtimes import CLIENT_VARIABLE, build_runtime
from localaws.functions.specs import EnvironmentSpec, Runtime

if TYPE_CHECKING:
    from moto.awslambda.models import LambdaFunction

    from localaws.functions.function import LocalFunction
    from localaws.functions.models import LocalLambdaBackend

logger = logging.getLogger(__name__)

SWEEP_S = 60.0
"""AWS seconds between looks for environments to retire."""
SWEEP_MIN_S = 0.25
"""Real seconds between them at least, however fast the clock."""
INVOCATION_TYPES = ("RequestResponse", "Event", "DryRun")
PARSE_IN_THREAD_BYTES = 65_536
"""Payloads from this size on are checked in a thread, so that the event loop goes on."""
QUEUE_S = 10.0
"""Real seconds that a thread waits for an event to be queued."""
CALL_MARGIN_S = 30.0
"""Real seconds that a caller inside moto waits beyond the function's Timeout (cold starts)."""


@dataclass(frozen=True)
class Target:
    """What one invocation runs: a function as it was named, for each attempt to look up anew."""

    account_id: str
    region: str
    name: str
    qualifier: str | None

    def arn(self) -> str:
        """Return the ARN as the function sees it, with the qualifier that was named."""
        from moto.utilities.utils import get_partition

        base = f"arn:{get_partition(self.region)}:lambda:{self.region}:{self.account_id}:function:{self.name}"
        return f"{base}:{self.qualifier}" if self.qualifier else base


class FunctionService:
    """Deploys functions and invokes them."""

    def __init__(self, context: Context, *, client: str | None = None) -> None:
        self._context = context
        self._client = client or os.environ.get(CLIENT_VARIABLE)
        self._folder = context.data_dir / "functions"
        self._packages = Packages(self._folder / "code")
        self._concurrency = Concurrency()
        self._load = FunctionLoad(context.metrics)
        self._events = EventQueue(context.clock)
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="deploy")
        self._runtime: Runtime | None = None
        self._runtime_lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._pool = EnvironmentPool(
            context=context, folder=self._folder / "environments", is_current=self._is_current
        )
        self._sweeper: asyncio.Task[None] | None = None

    def register(self, router: Router) -> None:
        """Add the route of Invoke; everything else of Lambda is moto's."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._sweeper = self._loop.create_task(self._sweep_for_ever())
        router.add("POST", r"/2015-03-31/functions/(?P<function>[^/]+)/invocations/?", self._serve_invoke)

    async def stop(self) -> None:
        """Drop the queue, kill every environment, remove the code."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self._events.close()
        await self._pool.close()
        self._executor.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(remove_tree, self._folder)

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(max(SWEEP_MIN_S, self._context.clock.real_seconds(SWEEP_S)))
            self._pool.sweep()

    def describe(self) -> dict[str, Iterator[dict[str, Any]]]:
        """Return the functions for the status page."""
        return {"functions": describe_functions(self._pool.alive())}

    # -- deployment: called by moto's threads ------------------------------------------------------------

    def deploy(self, function: "LocalFunction") -> None:
        """Unpack the function's code in the background; then it is Active, or its update is Successful."""
        self._executor.submit(self._deploy, function)

    def _deploy(self, function: "LocalFunction") -> None:
        try:
            task_root = self._packages.unpack(function.code_bytes)
            layer_roots = tuple(self._packages.unpack(code) for code in self._layer_codes(function))
        except Exception as error:  # noqa: BLE001 - the state of the function says what went wrong
            logger.warning("%s was not deployed: %s", function.function_arn, error)
            function.deployment_failed(str(error))
            return
        function.deployed(task_root=task_root, layer_roots=layer_roots)
        logger.info("%s is deployed", function.function_arn)
        self.refresh()
        self._prepare_runtime()

    def _layer_codes(self, function: "LocalFunction") -> list[bytes]:
        backend = self._backend(function.account_id, function.region)
        versions = [backend.layers_versions_by_arn(str(layer["Arn"])) for layer in function.layers]
        return [version.code_bytes for version in versions if version is not None]

    def refresh(self) -> None:
        """Retire the environments of what has changed or is gone."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._pool.sweep)

    def _prepare_runtime(self) -> Runtime:
        with self._runtime_lock:
            if self._runtime is None:
                folder = self._folder / "runtime"
                supervisor = self._context.supervisor
                self._runtime = build_runtime(folder, supervisor=supervisor, client=self._client)
            return self._runtime

    def call_from_thread(self, function: "LocalFunction", payload: bytes) -> Outcome:
        """Run one event for another service of moto and wait for it, bounded by the function's Timeout.

        In the event loop itself nothing may wait: there the event is queued.
        """
        assert self._loop is not None
        version = str(function.version)
        target = Target(function.account_id, function.region, function.function_name, version)
        invocation = self._invocation(target, payload)
        if threading.get_ident() == self._loop_thread:
            self._enqueue(target, invocation)
            return Outcome(b"")
        running = asyncio.run_coroutine_threadsafe(self._run(target, invocation), self._loop)
        return running.result(timeout=float(function.timeout) + CALL_MARGIN_S).outcome

    def queue_from_thread(self, function: "LambdaFunction", payload: bytes) -> None:
        """Queue one event for another service, as an asynchronous Invoke does; raises what that would."""
        assert self._loop is not None
        target = Target(function.account_id, function.region, function.function_name, str(function.version))

        async def put() -> None:
            self._enqueue(target, self._invocation(target, payload))

        asyncio.run_coroutine_threadsafe(put(), self._loop).result(timeout=QUEUE_S)

    # -- Invoke ------------------------------------------------------------------------------------------

    async def _serve_invoke(self, request: Request) -> Response:
        try:
            return await self._invoke(request)
        except ThrottledError as error:
            extra = {"Reason": error.reason, "Type": "User"}
            return aws_error(status=error.code, code=error.error_type, message=error.message, extra=extra)
        except JsonRESTError as error:
            return aws_error(status=error.code, code=error.error_type, message=error.message)

    async def _invoke(self, request: Request) -> Response:
        """Answer Invoke (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html)."""
        kind = request.headers.get("x-amz-invocation-type") or "RequestResponse"
        if kind not in INVOCATION_TYPES:
            allowed = f"Member must satisfy enum value set: [{', '.join(INVOCATION_TYPES)}]"
            raise ValidationException(kind, "invocationType", allowed)
        target = self._target(request)
        function = self._find(target)
        payload = await read_payload(request, is_event=kind == "Event")
        function.environment_spec()
        invocation = self._invocation(target, payload, headers=request.headers)
        headers = {"x-amzn-requestid": invocation.request_id, "x-amzn-trace-id": invocation.trace_id}
        if kind == "DryRun":
            return Response(status=204, headers=headers)
        if kind == "Event":
            self._enqueue(target, invocation)
            return Response(status=202, headers=headers)
        result = await self._run(target, invocation)
        wants_log = request.headers.get("x-amz-log-type") == "Tail"
        return Response(
            body=result.outcome.payload, headers=headers | result_headers(result, wants_log=wants_log)
        )

    def _target(self, request: Request) -> Target:
        query = parse_qs(request.query)
        reference = arns.parse_reference(
            request.params["function"], qualifier=query.get("Qualifier", [None])[0]
        )
        caller = arns.parse_caller(request.headers.get("authorization", ""))
        region = caller.region or self._context.region
        if reference.region is not None and reference.region != region:
            raise UnreachableRegionError(reference.region, region)
        account_id = reference.account_id or get_account_id_from(caller.access_key or "")
        return Target(account_id, region, reference.name, reference.qualifier)

    def _invocation(
        self, target: Target, payload: bytes, *, headers: dict[str, str] | None = None
    ) -> Invocation:
        sent = headers or {}
        trace_id = sent.get("x-amzn-trace-id") or invocations.new_trace_id(self._context.clock.now())
        context = sent.get("x-amz-client-context")
        return Invocation(
            payload=payload,
            arn=target.arn(),
            trace_id=trace_id,
            client_context=arns.decode_client_context(context) if context else None,
            request_id=str(uuid.uuid4()),
        )

    def _backend(self, account_id: str, region: str) -> "LocalLambdaBackend":
        from moto.awslambda import models

        backend: Any = models.lambda_backends[account_id][region]
        return backend  # type: ignore[no-any-return]

    def _find(self, target: Target) -> "LocalFunction":
        """Return the function version that a target means; an alias may choose among two by weight."""
        backend = self._backend(target.account_id, target.region)
        function: Any = backend.get_function(target.name, target.qualifier)
        alias = backend.find_alias(target.name, target.qualifier) if target.qualifier else None
        routing: Any = (alias.routing_config if alias else None) or {}
        weights = routing.get("AdditionalVersionWeights") or {}
        for version, weight in weights.items():
            if random.random() < float(weight):  # noqa: S311 - traffic is shifted, nothing is secret
                return backend.get_function(target.name, version)  # type: ignore[return-value]
        return function  # type: ignore[no-any-return]

    def _is_current(self, spec: EnvironmentSpec) -> bool:
        try:
            function = self._find(Target(spec.account_id, spec.region, spec.function_name, spec.version))
            return function.environment_spec() == spec
        except LambdaClientError:
            return False

    def _allowance(self, target: Target) -> Allowance:
        backend = self._backend(target.account_id, target.region)
        reserved = {fn.function_name: fn.reserved_concurrency for fn in backend.list_functions()}
        own = reserved.get(target.name)
        return Allowance(
            account_id=target.account_id,
            region=target.region,
            function_name=target.name,
            reserved=None if own is None else int(own),
            unreserved_limit=ACCOUNT_LIMIT - sum(int(value or 0) for value in reserved.values()),
        )

    async def _run(self, target: Target, invocation: Invocation) -> Result:
        """Run one event now. Raises ThrottledError, ServiceError and what `_find` raises."""
        spec = self._find(target).environment_spec()
        allowance = self._allowance(target)
        called = Called(
            account_id=target.account_id,
            region=target.region,
            function=target.name,
            qualifier=target.qualifier,
            is_reserved=allowance.reserved is not None,
        )
        with self._load.call(called) as call, self._concurrency.slot(allowance):
            runtime = self._runtime
            if runtime is None:
                runtime = await asyncio.to_thread(self._prepare_runtime)
            try:
                result = await self._pool.run(spec=spec, runtime=runtime, invocation=invocation)
            except ChildStartError as error:
                raise ServiceError(str(error)) from error
            call.end(is_error=result.outcome.error is not None, duration_ms=result.duration_ms)
            return result

    def _enqueue(self, target: Target, invocation: Invocation) -> None:
        function = self._find(target)
        configured = function.event_invoke_config[0].config if function.event_invoke_config else {}
        self._events.put(
            Event(
                function_name=target.name,
                invocation=invocation,
                run=partial(self._run, target, invocation),
                max_retries=int(configured.get("MaximumRetryAttempts", 2)),
                max_age_s=float(configured.get("MaximumEventAgeInSeconds", 21_600)),
            )
        )


async def read_payload(request: Request, *, is_event: bool) -> bytes:
    """Return the payload, `{}` where there is none; refuse what is too large or not JSON."""
    limit = invocations.EVENT_PAYLOAD_LIMIT if is_event else invocations.SYNC_PAYLOAD_LIMIT
    if int(request.headers.get("content-length") or 0) > limit:
        raise RequestTooLargeError(limit)
    body = await request.body()
    if len(body) > limit:
        raise RequestTooLargeError(limit)
    try:
        if len(body) > PARSE_IN_THREAD_BYTES:
            await asyncio.to_thread(json.loads, body)
        elif body:
            json.loads(body)
    except ValueError as error:
        raise InvalidRequestContentError(str(error)) from error
    return body or b"{}"


def result_headers(result: Result, *, wants_log: bool) -> dict[str, str]:
    """Return the headers of a RequestResponse answer."""
    headers = {"content-type": "application/json", "x-amz-executed-version": result.version}
    if result.outcome.error is not None:
        headers["x-amz-function-error"] = result.outcome.error
    if wants_log:
        headers["x-amz-log-result"] = result.encoded_log()
    return headers
