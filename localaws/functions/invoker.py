"""Run the events of functions: find the version, hold a slot of concurrency, take an environment."""

import logging
import random
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from moto.awslambda import models as moto_models
from moto.awslambda.exceptions import LambdaClientError

from localaws.clock import Clock
from localaws.errors import ChildStartError
from localaws.functions import arns, invocations
from localaws.functions.arns import Target
from localaws.functions.errors import ServiceError
from localaws.functions.event_queue import Event, EventQueue
from localaws.functions.function import LocalFunction
from localaws.functions.host import FunctionHost
from localaws.functions.invocations import Invocation, Result
from localaws.functions.models import LocalLambdaBackend
from localaws.functions.slots import ACCOUNT_LIMIT, Allowance, Concurrency
from localaws.functions.specs import EnvironmentSpec

logger = logging.getLogger(__name__)


class Invoker:
    """Runs and queues events. Used from the event loop only."""

    def __init__(self, *, clock: Clock, host: FunctionHost) -> None:
        self._clock = clock
        self._host = host
        self._concurrency = Concurrency()
        self._events = EventQueue(clock)

    async def close(self) -> None:
        """Drop the queue."""
        await self._events.close()

    def find(self, target: Target) -> LocalFunction:
        """Return the function version that a target means; an alias may choose among two by weight."""
        backend = backend_of(target)
        function: Any = backend.get_function(target.name, target.qualifier)
        alias = backend.find_alias(target.name, target.qualifier) if target.qualifier else None
        routing: Any = (alias.routing_config if alias else None) or {}
        weights = routing.get("AdditionalVersionWeights") or {}
        for version, weight in weights.items():
            if random.random() < float(weight):  # noqa: S311 - traffic is shifted, nothing is secret
                return backend.get_function(target.name, version)  # type: ignore[return-value]
        return function  # type: ignore[no-any-return]

    def is_current(self, spec: EnvironmentSpec) -> bool:
        """Tell whether environments of this specification may take more events."""
        target = Target(
            account_id=spec.account_id,
            region=spec.region,
            name=spec.function_name,
            qualifier=spec.version,
        )
        try:
            return self.find(target).environment_spec() == spec
        except LambdaClientError:
            return False

    def invocation(
        self, target: Target, payload: bytes, *, headers: Mapping[str, str] | None = None
    ) -> Invocation:
        """Return the event of a request, with a new request id."""
        sent = headers or {}
        context = sent.get("x-amz-client-context")
        return Invocation(
            payload=payload,
            arn=target.arn(),
            trace_id=sent.get("x-amzn-trace-id") or invocations.new_trace_id(self._clock.now()),
            client_context=arns.decode_client_context(context) if context else None,
            request_id=str(uuid.uuid4()),
        )

    async def run(self, target: Target, invocation: Invocation) -> Result:
        """Run one event now. Raises ThrottledError, ServiceError and what `find` raises."""
        spec = self.find(target).environment_spec()
        with self._concurrency.slot(self._allowance(target)):
            runtime = await self._host.runtime()
            try:
                return await self._host.pool.run(spec=spec, runtime=runtime, invocation=invocation)
            except ChildStartError as error:
                raise ServiceError(str(error)) from error

    def _allowance(self, target: Target) -> Allowance:
        backend = backend_of(target)
        reserved = {fn.function_name: fn.reserved_concurrency for fn in backend.list_functions()}
        own = reserved.get(target.name)
        return Allowance(
            account_id=target.account_id,
            region=target.region,
            function_name=target.name,
            reserved=None if own is None else int(own),
            unreserved_limit=ACCOUNT_LIMIT - sum(int(value or 0) for value in reserved.values()),
        )

    def enqueue(self, target: Target, invocation: Invocation) -> None:
        """Run one event later, with the retries that the function's settings give it."""
        function = self.find(target)
        configured = function.event_invoke_config[0].config if function.event_invoke_config else {}
        self._events.put(
            Event(
                function_name=target.name,
                invocation=invocation,
                run=partial(self.run, target, invocation),
                max_retries=int(configured.get("MaximumRetryAttempts", 2)),
                max_age_s=float(configured.get("MaximumEventAgeInSeconds", 21_600)),
            )
        )

    async def call(self, target: Target, payload: bytes) -> Result:
        """Run one event of another service of AWS."""
        return await self.run(target, self.invocation(target, payload))

    def queue_call(self, target: Target, payload: bytes) -> None:
        """Queue one event of another service of AWS."""
        self.enqueue(target, self.invocation(target, payload))


def backend_of(target: Target) -> LocalLambdaBackend:
    """Return the backend that a target's function lies in."""
    backend: Any = moto_models.lambda_backends[target.account_id][target.region]
    return backend  # type: ignore[no-any-return]
