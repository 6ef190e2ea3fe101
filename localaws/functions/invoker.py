"""Run the events of functions: find the version, hold a slot of concurrency, take an environment."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from moto.awslambda.exceptions import LambdaClientError

from localaws.cloudwatch.sources.function_events import AGE, DROPPED, RECEIVED, QueuedEvent
from localaws.cloudwatch.sources.functions import Called, FunctionLoad, Kept
from localaws.context import Context
from localaws.errors import ChildStartError
from localaws.functions import arns, invocations
from localaws.functions.arns import LATEST, Target
from localaws.functions.concurrency.rates import RequestRates
from localaws.functions.concurrency.slots import Concurrency
from localaws.functions.errors import ServiceError
from localaws.functions.events.delivery import Delivery
from localaws.functions.events.queue import SUCCESS, Ending, Event, EventQueue
from localaws.functions.function import LocalFunction
from localaws.functions.host import FunctionHost
from localaws.functions.invocations import Invocation, Result
from localaws.functions.lookup import backend_of
from localaws.functions.spec import EnvironmentSpec, on_demand, provisioned


class Invoker:
    """Runs and queues events. Used from the event loop only."""

    def __init__(self, *, context: Context, host: FunctionHost) -> None:
        self._clock = context.clock
        self._host = host
        self._concurrency = Concurrency()
        self._rates = RequestRates(context.clock)
        self._metrics = context.metrics
        self._load = FunctionLoad(metrics=context.metrics)
        self._events = EventQueue(context.clock)
        self._delivery = Delivery(context)

    async def close(self) -> None:
        """Drop the queue."""
        await self._events.close()
        self._delivery.close()

    def find(self, target: Target) -> LocalFunction:
        """Return the function version that a target means; an alias may choose among two by weight."""
        return backend_of(target).choose_version(target.name, target.qualifier)

    def is_current(self, spec: EnvironmentSpec) -> bool:
        """Tell whether environments of this specification may take more events."""
        target = Target(
            account_id=spec.account_id,
            region=spec.region,
            name=spec.function_name,
            qualifier=spec.version,
        )
        try:
            function = self.find(target)
            if function.environment_spec() != on_demand(spec):
                return False
        except LambdaClientError:
            return False
        return spec == on_demand(spec) or backend_of(target).is_provisioned(target.name, spec.version)

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
        """Run one event now: in a provisioned environment where one is free, else on demand.

        Raises ThrottledError, ServiceError and what `find` raises.
        """
        backend, function = backend_of(target), self.find(target)
        spec = function.environment_spec()
        kept_by = backend.provisioned_by(target.name, target.qualifier, spec.version)
        allowance = backend.allowance(target.name)
        called = Called(
            account_id=target.account_id,
            region=target.region,
            function=target.name,
            qualifier=target.qualifier,
            version=spec.version,
            is_reserved=allowance.reserved is not None,
        )
        with self._load.call(called) as call:
            call.allocated = allowance.account_limit - allowance.unreserved_limit
            is_provisioned = kept_by is not None and self._takes_kept(spec)
            if kept_by is not None:
                call.kept = self._kept(spec, by=kept_by, is_taken=is_provisioned)
            with self._concurrency.slot(allowance, is_provisioned=is_provisioned):
                self._rates.check(allowance, is_provisioned=is_provisioned)
                result = await self._run_in(provisioned(spec) if is_provisioned else spec, invocation)
            call.end(is_error=result.outcome.error is not None, duration_ms=result.duration_ms)
            return result

    def _takes_kept(self, spec: EnvironmentSpec) -> bool:
        """Tell whether what is provisioned takes an event more: one is free, and not asked too often."""
        kept, pool = provisioned(spec), self._host.pool
        return pool.has_idle(kept) and self._rates.takes_provisioned(kept, count=pool.count(kept))

    def _kept(self, spec: EnvironmentSpec, *, by: str, is_taken: bool) -> Kept:
        """Return what is told of provisioned environments; what they do not take spills over."""
        kept, pool = provisioned(spec), self._host.pool
        running = pool.busy(kept) + 1 if is_taken else None
        return Kept(qualifier=by, utilization=pool.utilization(kept), running=running)

    async def _run_in(self, spec: EnvironmentSpec, invocation: Invocation) -> Result:
        runtime = await self._host.runtime()
        try:
            return await self._host.pool.run(spec=spec, runtime=runtime, invocation=invocation)
        except ChildStartError as error:
            raise ServiceError(str(error)) from error

    def enqueue(self, target: Target, invocation: Invocation) -> None:
        """Run one event later, with the retries that the settings of what was named give it."""
        settings = self.find(target).settings
        configured = settings.event_configs.get(target.qualifier or LATEST, {})
        queued_s = self._clock.monotonic()
        self._events.put(
            Event(
                function_name=target.name,
                invocation=invocation,
                run=partial(self._run_queued, target, invocation, queued_s),
                ended=partial(self._deliver, target, invocation),
                max_retries=int(configured.get("MaximumRetryAttempts", 2)),
                max_age_s=float(configured.get("MaximumEventAgeInSeconds", 21_600)),
            )
        )
        self._count(target, RECEIVED)

    async def _run_queued(self, target: Target, invocation: Invocation, queued_s: float) -> Result:
        """Run a queued event, and tell how long it has waited: what is throttled waits on."""
        age_s = self._clock.monotonic() - queued_s
        result = await self.run(target, invocation)
        self._count(target, AGE, value=age_s * 1000)
        return result

    def _count(self, target: Target, metric: str, *, value: float = 1.0) -> None:
        self._metrics.report(
            QueuedEvent(
                account_id=target.account_id,
                region=target.region,
                function=target.name,
                qualifier=target.qualifier,
                metric=metric,
                value=value,
            )
        )

    async def _deliver(self, target: Target, invocation: Invocation, ending: Ending) -> None:
        """Send the result of a queued event to where the settings say now."""
        if ending.condition != SUCCESS:
            self._count(target, DROPPED)
        function = self.find(target)
        configured = function.settings.event_configs.get(target.qualifier or LATEST, {})
        arn = replace(target, qualifier=target.qualifier or LATEST).arn()
        await self._delivery.deliver(function, invocation, ending, arn=arn, settings=configured)

    async def call(self, target: Target, payload: bytes) -> Result:
        """Run one event of another service of AWS."""
        return await self.run(target, self.invocation(target, payload))

    def queue_call(self, target: Target, payload: bytes) -> None:
        """Queue one event of another service of AWS."""
        self.enqueue(target, self.invocation(target, payload))
