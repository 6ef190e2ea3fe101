"""The thread behind one endpoint: it deploys, watches, scales, updates and deletes."""

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from moto.sagemaker.models import FakeEndpoint

from localaws.context import Context
from localaws.errors import LocalAwsError
from localaws.sagemaker.endpoints import states
from localaws.sagemaker.endpoints.container import ContainerFactory, Place
from localaws.sagemaker.endpoints.features import Features
from localaws.sagemaker.endpoints.fleet import Fleet, build_fleet, stop_all
from localaws.sagemaker.endpoints.instance import Instance
from localaws.sagemaker.endpoints.plan import VariantPlan
from localaws.sagemaker.endpoints.wording import bounded, log_group

logger = logging.getLogger(__name__)

STOP_GRACE_S = 30.0
"""AWS seconds between SIGTERM and SIGKILL
(https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html)."""
DRAIN_S = 60.0
"""AWS seconds that requests under way get before their instance is stopped: the longest one may take."""
ASYNC_DRAIN_S = 3600.0
"""AWS seconds that asynchronous requests get instead: X-Amzn-SageMaker-InvocationTimeoutSeconds at most."""
ABANDON_GRACE_S = 2.0
"""Real seconds between SIGTERM and SIGKILL when localaws itself stops."""
STARTING_POLL_S = 0.02
"""Real seconds between looks at instances that start."""
WATCH_POLL_S = 0.25
"""Real seconds between looks at instances that serve."""


class AbandonedError(LocalAwsError):
    """localaws stops, or the endpoint was thrown away: leave what is under way."""


class EndpointController:
    """Run one endpoint. `fleet` may be read from any thread; requests to change arrive by queue."""

    def __init__(
        self,
        *,
        context: Context,
        endpoint: FakeEndpoint,
        plans: Sequence[VariantPlan],
        features: Features,
        account_id: str,
        region: str,
        folder: Path,
        on_deleted: Callable[[], None],
    ) -> None:
        self.endpoint = endpoint
        self.account_id = account_id
        self.region = region
        self.features = features
        self.fleet = Fleet(variants={})
        self._plans = tuple(plans)
        self._context = context
        self._on_deleted = on_deleted
        self._factory = ContainerFactory(context=context, place=self._place(folder))
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._abandoned = threading.Event()
        self._deleted = False
        self._thread = threading.Thread(target=self._run, name=f"endpoint-{self.name}", daemon=True)

    def _place(self, folder: Path) -> Place:
        return Place(
            title=f"endpoint {self.name}",
            account_id=self.account_id,
            region=self.region,
            folder=folder,
            log_group=log_group(self.name),
        )

    @property
    def name(self) -> str:
        """The endpoint's name."""
        return str(self.endpoint.endpoint_name)

    @property
    def is_serving(self) -> bool:
        """Whether InvokeEndpoint works in the present state."""
        return self.endpoint.endpoint_status in states.SERVING

    @property
    def is_gone(self) -> bool:
        """Whether it was deleted, or thrown away."""
        return self._deleted or self._abandoned.is_set()

    @property
    def instance_count(self) -> int:
        """How many instances it has, or is about to have."""
        return max(sum(plan.count for plan in self._plans), len(self.fleet.instances()))

    def start(self) -> None:
        """Begin to deploy; returns at once."""
        self._thread.start()

    def request_update(
        self,
        *,
        plans: Sequence[VariantPlan],
        features: Features,
        config_name: str,
    ) -> None:
        """Replace the fleet by one of `plans` (the state is Updating already)."""
        self._commands.put(lambda: self._update(plans=plans, features=features, config_name=config_name))

    def request_scale(self, *, counts: Mapping[str, int], weights: Mapping[str, float]) -> None:
        """Change instance counts and weights by variant (the state is Updating already)."""
        self._commands.put(lambda: self._scale(counts=counts, weights=weights))

    def request_delete(self) -> None:
        """Stop all and forget the endpoint (the state is Deleting already)."""
        self._commands.put(self._delete)

    def abandon(self) -> None:
        """End the thread and its processes soon, whatever it does."""
        self._abandoned.set()

    def join(self, *, timeout_s: float) -> None:
        """Wait for the thread, at most `timeout_s` real seconds."""
        self._thread.join(timeout=timeout_s)

    def _run(self) -> None:
        try:
            self._create()
            while not self._deleted and not self._abandoned.is_set():
                self._work()
        except AbandonedError:
            logger.info("endpoint %s was abandoned", self.name)
        finally:
            stop_all(self.fleet.instances(), grace_s=ABANDON_GRACE_S)

    def _work(self) -> None:
        try:
            command = self._commands.get(timeout=WATCH_POLL_S)
        except queue.Empty:
            command = self._watch
        try:
            command()
        except AbandonedError:
            raise
        except Exception:  # the thread's boundary: the endpoint must stay watched and deletable
            logger.exception("endpoint %s: a step failed", self.name)

    def _watch(self) -> None:
        for instance in self.fleet.instances():
            instance.step()

    def _create(self) -> None:
        failure = self._deploy(self._plans)
        if failure is None:
            self.endpoint.production_variants = self.fleet.summaries()
            self._move(states.IN_SERVICE)
        else:
            self._move(states.FAILED, reason=failure)

    def _update(self, *, plans: Sequence[VariantPlan], features: Features, config_name: str) -> None:
        old_plans = self._plans
        failure = self._deploy(plans)
        if failure is None:
            self._plans = tuple(plans)
            self.features = features
            self.endpoint.endpoint_config_name = config_name
        self._factory.forget(old_plans if failure is None else plans)
        self._end_change(failure)

    def _scale(self, *, counts: Mapping[str, int], weights: Mapping[str, float]) -> None:
        wanted = self.fleet.resized(counts=counts, weights=weights, new_instance=self._factory.new_instance)
        self._end_change(self._switch_to(wanted))

    def _end_change(self, failure: str | None) -> None:
        """Close an update: InService either way, but a failed one rolls back and says why."""
        self.endpoint.production_variants = self.fleet.summaries()
        if failure is not None:
            self._move(states.ROLLING_BACK, reason=failure)
        self._move(states.IN_SERVICE, reason=failure)

    def _deploy(self, plans: Sequence[VariantPlan]) -> str | None:
        """Fetch the models, start a new fleet and switch to it; return why it failed, or None."""
        try:
            self._factory.fetch(plans)
            return self._switch_to(build_fleet(plans, new_instance=self._factory.new_instance))
        except AbandonedError:
            raise
        except LocalAwsError as error:
            return bounded(str(error))
        except Exception as error:  # whatever goes wrong here is the endpoint's FailureReason
            logger.exception("endpoint %s could not be deployed", self.name)
            return bounded(f"localaws could not deploy the model: {type(error).__name__}: {error}")

    def _switch_to(self, wanted: Fleet) -> str | None:
        """Start what is new in `wanted`, switch, stop what is not in it; or undo that and return why."""
        old = self.fleet.instances()
        added = [instance for instance in wanted.instances() if instance not in old]
        try:
            failure = self._bring_up(added)
        except BaseException:
            stop_all(added, grace_s=ABANDON_GRACE_S)
            raise
        if failure is not None:
            stop_all(added, grace_s=self._grace_s())
            return failure
        self.fleet = wanted
        surplus = [instance for instance in old if instance not in wanted.instances()]
        self._drain(surplus)
        stop_all(surplus, grace_s=self._grace_s())
        return None

    def _bring_up(self, added: Sequence[Instance]) -> str | None:
        """Start instances and wait until all are healthy or one has failed (each has its own time limit)."""
        for instance in added:
            instance.start()
        while not all(instance.is_healthy for instance in added):
            self._pause()
            self._watch()
            for instance in added:
                instance.step()
                if instance.failure is not None:
                    return instance.failure
        return None

    def _drain(self, surplus: Sequence[Instance]) -> None:
        """Let instances finish their requests; one that has just been picked is counted after a pause."""
        if not surplus:
            return
        is_async = self.features.async_inference is not None
        deadline = self._context.clock.monotonic() + (ASYNC_DRAIN_S if is_async else DRAIN_S)
        self._pause()
        while any(instance.outstanding for instance in surplus):
            if self._context.clock.monotonic() > deadline:
                return
            self._pause()

    def _pause(self) -> None:
        if self._abandoned.wait(STARTING_POLL_S):
            raise AbandonedError(f"endpoint {self.name} is going away")

    def _delete(self) -> None:
        instances = self.fleet.instances()
        self.fleet = Fleet(variants={})
        stop_all(instances, grace_s=self._grace_s())
        self._factory.remove()
        self._deleted = True
        self._on_deleted()
        logger.info("endpoint %s deleted", self.name)

    def _grace_s(self) -> float:
        return self._context.clock.real_seconds(STOP_GRACE_S)

    def _move(self, to: str, *, reason: str | None = None) -> None:
        states.try_move(self.endpoint, to=to, now=self._context.clock.now(), reason=reason)
        logger.info("endpoint %s is %s%s", self.name, to, f": {reason}" if reason else "")
