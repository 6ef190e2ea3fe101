"""What makes CloudWatch go: a thread that counts, reads instances and evaluates alarms by the AWS clock."""

import asyncio
import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

from moto.cloudwatch import models as moto_models

from localaws.asgi import Router
from localaws.backends import every_backend
from localaws.clock import TICK_S, tick_pause_s
from localaws.cloudwatch.alarms.delivery import Delivery
from localaws.cloudwatch.alarms.description import describe_alarms
from localaws.cloudwatch.sources.instances import Instance, InstanceReader, process_table
from localaws.cloudwatch.spec import MINUTE_S, MetricKey
from localaws.cloudwatch.statistics import Aggregate
from localaws.context import Context

logger = logging.getLogger(__name__)

JOIN_S = 2.0
"""Real seconds that the thread gets to end."""


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """Metrics that are zero in a minute in which nothing came."""

    account_id: str
    region: str
    keys: tuple[MetricKey, ...]
    unit: str


@runtime_checkable
class HasInstances(Protocol):
    """A service with processes that stand for instances."""

    def metric_instances(self) -> Iterable[Instance]:
        """Return those that run now."""
        ...


@runtime_checkable
class HasQuietMetrics(Protocol):
    """A service of which CloudWatch knows also while nobody asks for anything."""

    def quiet_metrics(self) -> Iterable[Quiet]:
        """Return the metrics that are zero in a minute without an event."""
        ...


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """Something that has a value at any time; it is read each minute, or each ten seconds."""

    account_id: str
    region: str
    key: MetricKey
    value: float
    unit: str
    is_high_resolution: bool = False


@runtime_checkable
class HasGauges(Protocol):
    """A service with values that are read from time to time."""

    def gauges(self) -> Iterable[Gauge]:
        """Return what they are now."""
        ...


class EvaluatesAlarms(Protocol):
    """A CloudWatch backend."""

    def evaluate_alarms(self, *, before_s: float, now_s: float, delivery: Delivery) -> None:
        """Evaluate the alarms that are due between two ticks."""
        ...


class CloudWatchService:
    """The thread, and what carries alarms' actions out."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.delivery = Delivery(context)
        self._reader = InstanceReader()
        self._stopping = threading.Event()
        self._ticked_s = context.metrics.now_s()
        self._thread = threading.Thread(target=self._run, name="cloudwatch", daemon=True)

    def register(self, router: Router) -> None:
        """Start the thread; requests are answered through moto's routes."""
        self._thread.start()

    async def stop(self) -> None:
        """End the thread; actions that have not begun are dropped."""
        self._stopping.set()
        self.delivery.close()
        await asyncio.to_thread(self._thread.join, JOIN_S)

    def describe(self) -> dict[str, Iterable[dict[str, Any]]]:
        """Return the alarms for the status page."""
        return {"alarms": describe_alarms()}

    def _run(self) -> None:
        while not self._stopping.wait(tick_pause_s(self._context.clock)):
            try:
                self.tick()
            except Exception:  # the thread's boundary: the next tick may do better
                logger.exception("CloudWatch: a tick failed")

    def tick(self) -> None:
        """Do what the time since the last tick asks for."""
        metrics = self._context.metrics
        before_s, self._ticked_s = self._ticked_s, metrics.now_s()
        metrics.settle()
        first, last = (int(second // MINUTE_S) * MINUTE_S for second in (before_s, self._ticked_s))
        if last > first:
            self._read_instances(at_s=last - 1)
            self._fill_quiet_minutes(range(first, last, MINUTE_S))
        self._read_gauges(before_s=before_s, now_s=self._ticked_s)
        for _, _, backend in every_backend(moto_models.cloudwatch_backends):
            evaluating = cast(EvaluatesAlarms, backend)
            evaluating.evaluate_alarms(before_s=before_s, now_s=self._ticked_s, delivery=self.delivery)

    def _read_gauges(self, *, before_s: float, now_s: float) -> None:
        """Read gauges for each period that has ended since the last tick."""
        steps = {True: int(TICK_S), False: MINUTE_S}
        ended = {
            is_high: range(int(before_s // step) * step, int(now_s // step) * step, step)
            for is_high, step in steps.items()
        }
        if not any(ended.values()):
            return
        for service in self._context.services:
            if isinstance(service, HasGauges):
                for gauge in service.gauges():
                    self._keep(gauge, starts=ended[gauge.is_high_resolution])

    def _keep(self, gauge: Gauge, *, starts: range) -> None:
        store = self._context.metrics.store(account_id=gauge.account_id, region=gauge.region)
        for start_s in starts:
            values = Aggregate()
            values.add(gauge.value)
            is_high = gauge.is_high_resolution
            store.add(gauge.key, values, unit=gauge.unit, at_s=start_s, is_high_resolution=is_high)

    def _read_instances(self, *, at_s: float) -> None:
        """Read instances, as of the end of the minute that is over."""
        found = [
            instance
            for service in self._context.services
            if isinstance(service, HasInstances)
            for instance in service.metric_instances()
        ]
        table = process_table() if found else ()
        for reading in self._reader.read(found, table=table, now_s=time.monotonic()):
            self._context.metrics.report(reading, at_s=at_s)

    def _fill_quiet_minutes(self, minutes: range) -> None:
        for service in self._context.services:
            if not isinstance(service, HasQuietMetrics):
                continue
            for quiet in service.quiet_metrics():
                store = self._context.metrics.store(account_id=quiet.account_id, region=quiet.region)
                for key in quiet.keys:
                    for minute_s in minutes:
                        store.add_zero(key, unit=quiet.unit, minute_s=minute_s)
