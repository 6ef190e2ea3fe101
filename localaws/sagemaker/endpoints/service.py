"""Every endpoint that runs, and the route by which they are invoked."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from moto.sagemaker.models import FakeEndpoint

from localaws import context as contexts
from localaws.asgi import Router
from localaws.cloudwatch.service import Gauge, Quiet
from localaws.cloudwatch.sources import endpoints as metrics
from localaws.cloudwatch.sources.instances import Instance
from localaws.context import Context
from localaws.sagemaker.endpoints.async_invocations import AsyncInvoker
from localaws.sagemaker.endpoints.capture import Capturer
from localaws.sagemaker.endpoints.controller import EndpointController
from localaws.sagemaker.endpoints.description import describe_endpoints
from localaws.sagemaker.endpoints.features import Features
from localaws.sagemaker.endpoints.invocations import Invoker
from localaws.sagemaker.endpoints.plan import VariantPlan
from localaws.sagemaker.endpoints.role_clients import RoleClients

STOP_S = 6.0
"""Real seconds that all endpoints together get to stop; the supervisor kills what is left."""

Key = tuple[str, str, str]


class EndpointService:
    """The endpoints of one localaws, by account, region and name."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._controllers: dict[Key, EndpointController] = {}
        self._lock = threading.Lock()
        clients = RoleClients(context=context)
        self._capturer = Capturer(context=context, clients=clients)
        self._invoker = Invoker(context=context, find=self.find, capturer=self._capturer)
        self._async_invoker = AsyncInvoker(context=context, invoker=self._invoker, clients=clients)

    def register(self, router: Router) -> None:
        """Serve InvokeEndpoint and InvokeEndpointAsync."""
        router.add("POST", "/endpoints/(?P<name>[^/]+)/invocations", self._invoker.invoke)
        router.add("POST", "/endpoints/(?P<name>[^/]+)/async-invocations", self._async_invoker.invoke)

    async def stop(self) -> None:
        """Stop every endpoint's thread and processes."""
        self._async_invoker.close()
        self._capturer.close()
        self._invoker.close()
        controllers = list(self._controllers.values())
        for controller in controllers:
            controller.abandon()
        await asyncio.to_thread(_join_all, controllers)

    def find(self, account_id: str, region: str, name: str) -> EndpointController | None:
        """Return the controller of an endpoint, or None."""
        return self._controllers.get((account_id, region, name))

    def create(
        self,
        *,
        endpoint: FakeEndpoint,
        plans: Sequence[VariantPlan],
        features: Features,
        account_id: str,
        region: str,
        forget: Callable[[], None],
    ) -> None:
        """Deploy a new endpoint; returns at once. `forget` is called when it has been deleted."""
        key = (account_id, region, str(endpoint.endpoint_name))
        controller = EndpointController(
            context=self._context,
            endpoint=endpoint,
            plans=plans,
            features=features,
            account_id=account_id,
            region=region,
            folder=self._folder(key),
            on_deleted=partial(self._drop, key, forget),
        )
        with self._lock:
            self._controllers[key] = controller
        controller.start()

    def _drop(self, key: Key, forget: Callable[[], None]) -> None:
        """Forget an endpoint that has been deleted."""
        with self._lock:
            self._controllers.pop(key, None)
        forget()

    def abandon(self, *, account_id: str, region: str) -> None:
        """Throw away every endpoint of an account in a region (moto's reset)."""
        with self._lock:
            keys = [key for key in self._controllers if key[:2] == (account_id, region)]
            for key in keys:
                self._controllers.pop(key).abandon()

    def describe(self) -> dict[str, Iterator[dict[str, Any]]]:
        """Return the endpoints for the status page."""
        queues = self._async_invoker.describe_queues()
        return {"endpoints": describe_endpoints(list(self._controllers.values()), queues=queues)}

    @property
    def instance_count(self) -> int:
        """How many instances the endpoints have, or are about to have."""
        return sum(controller.instance_count for controller in list(self._controllers.values()))

    def metric_instances(self) -> Iterator[Instance]:
        """Return the instances that serve, for CPUUtilization and MemoryUtilization."""
        for controller in list(self._controllers.values()):
            for instance in controller.fleet.instances():
                yield Instance(
                    account_id=controller.account_id,
                    region=controller.region,
                    namespace=metrics.INSTANCES,
                    dimensions=metrics.instance_dimensions(controller.name, instance.variant),
                    pid=instance.pid,
                )

    def gauges(self) -> Iterator[Gauge]:
        """Return the requests under way on each instance, and the queues of asynchronous endpoints."""
        for controller in list(self._controllers.values()):
            gauge = partial(Gauge, account_id=controller.account_id, region=controller.region)
            instances = [item for item in controller.fleet.instances() if item.is_healthy]
            for instance in instances:
                key = metrics.concurrent_key(controller.name, instance.variant)
                value, unit = float(instance.outstanding), metrics.NO_UNIT
                yield gauge(key=key, value=value, unit=unit, is_high_resolution=True)
            if controller.features.async_inference is not None:
                waiting, running = self._async_invoker.count(controller)
                for key, value, unit in metrics.backlog_values(
                    controller.name, requests=waiting + running, waiting=waiting, instances=len(instances)
                ):
                    yield gauge(key=key, value=value, unit=unit)

    def quiet_metrics(self) -> Iterator[Quiet]:
        """Return the metrics of requests, which are zero in a minute without one."""
        for controller in list(self._controllers.values()):
            for variant in controller.fleet.all_variants():
                plan = variant.plan
                keys = metrics.quiet_keys(controller.name, plan.name, plan.config_name)
                yield Quiet(
                    account_id=controller.account_id,
                    region=controller.region,
                    keys=keys,
                    unit=metrics.NO_UNIT,
                )

    def _folder(self, key: Key) -> Path:
        return self._context.data_dir.joinpath("endpoints", *key)


def _join_all(controllers: Sequence[EndpointController]) -> None:
    deadline = time.monotonic() + STOP_S
    for controller in controllers:
        controller.join(timeout_s=max(deadline - time.monotonic(), 0))


def current_service() -> EndpointService:
    """Return the service of the active context."""
    return contexts.current().find_service(EndpointService)
