"""The thread behind one endpoint: it deploys, watches, scales, updates and deletes."""

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moto.sagemaker.models import FakeEndpoint

from localaws.clock import naive_utc
from localaws.context import Context
from localaws.errors import LocalAwsError
from localaws.sagemaker.endpoints import states
from localaws.sagemaker.endpoints.container import ContainerFactory, Place
from localaws.sagemaker.endpoints.deployments.alarms import tripped_alarms
from localaws.sagemaker.endpoints.deployments.events import event_detail, publish
from localaws.sagemaker.endpoints.deployments.pending import PendingDeployment, mark_scaling
from localaws.sagemaker.endpoints.deployments.rollout import AbandonedError, Outcome, Rollout
from localaws.sagemaker.endpoints.deployments.schedule import Stage
from localaws.sagemaker.endpoints.deployments.spec import Deployment
from localaws.sagemaker.endpoints.deployments.states import Phase
from localaws.sagemaker.endpoints.features import Features
from localaws.sagemaker.endpoints.fleet import Fleet, build_fleet, stop_all
from localaws.sagemaker.endpoints.instance import Instance
from localaws.sagemaker.endpoints.plan import VariantPlan, with_shadows
from localaws.sagemaker.endpoints.wording import bounded, log_group

logger = logging.getLogger(__name__)

STOP_GRACE_S = 30.0
"""AWS seconds between SIGTERM and SIGKILL
(https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html)."""
ABANDON_GRACE_S = 2.0
"""Real seconds between SIGTERM and SIGKILL when localaws itself stops."""
STARTING_POLL_S = 0.02
"""Real seconds between looks at instances that start."""
WATCH_POLL_S = 0.25
"""Real seconds between looks at instances that serve."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What an update leads to, beside its fleet."""

    config_name: str
    features: Features
    deployment: Deployment = field(default_factory=Deployment)
    deployment_config: Mapping[str, Any] | None = None
    """The DeploymentConfig that `deployment` was read from."""


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
        self.pending: PendingDeployment | None = None
        self.last_deployment: Mapping[str, Any] | None = None
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
        self._begin_pending(str(self.endpoint.endpoint_config_name), self._plans)
        self._thread.start()

    def request_update(self, *, plans: Sequence[VariantPlan], change: Change) -> None:
        """Replace the fleet by one of `plans` (the state is Updating already)."""
        self._begin_pending(change.config_name, plans)
        self._commands.put(lambda: self._update(plans=plans, change=change))

    def _begin_pending(self, config_name: str, plans: Sequence[VariantPlan]) -> None:
        now = naive_utc(self._context.clock.now())
        self.pending = PendingDeployment.begin(config_name=config_name, plans=plans, now=now)

    def request_scale(self, *, counts: Mapping[str, int], weights: Mapping[str, float]) -> None:
        """Change instance counts and weights by variant (the state is Updating already)."""
        now = naive_utc(self._context.clock.now())
        mark_scaling(self.endpoint.production_variants, counts=counts, now=now)
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
        failure = self._fetch(self._plans)
        if failure is None:
            failure = self._try(
                lambda: self._switch_to(build_fleet(self._plans, new_instance=self.new_instance))
            )
        self.pending = None
        if failure is None:
            self._summarise()
            self._move(states.IN_SERVICE)
        else:
            self._move(states.FAILED, reason=failure)

    def _update(self, *, plans: Sequence[VariantPlan], change: Change) -> None:
        old_plans, begun_s = self._plans, self.now_s()
        failure = self._fetch(plans)
        outcome = Outcome(is_new=False, reason=failure)
        if failure is None:
            rollout = Rollout(self, deployment=change.deployment, plans=plans, begun_s=begun_s)
            outcome = rollout.run(on_rolling_back=self._roll_back)
        else:
            self._roll_back(outcome)
        if outcome.is_new:
            self._plans = tuple(plans)
            self.features = change.features
            self.endpoint.endpoint_config_name = change.config_name
        if outcome.rollback_failure is None:
            self._factory.forget(with_shadows(old_plans if outcome.is_new else plans))
        self.last_deployment = change.deployment_config or self.last_deployment
        self._settle(outcome)

    def _roll_back(self, outcome: Outcome) -> None:
        """Say that an update is taken back. An alarm's name is not in FailureReason: AWS leaves it empty."""
        self.pending = None
        self._move(states.ROLLING_BACK, reason=outcome.reason)
        if outcome.alarms:
            logger.warning("endpoint %s: alarm %s", self.name, ", ".join(outcome.alarms))

    def _settle(self, outcome: Outcome) -> None:
        self.pending = None
        self._summarise()
        if outcome.rollback_failure is not None:
            self._move(states.UPDATE_ROLLBACK_FAILED, reason=outcome.rollback_failure)
        else:
            self._move(states.IN_SERVICE, reason=outcome.reason)

    def _summarise(self) -> None:
        self.endpoint.production_variants = self.fleet.summaries()

    def new_instance(self, plan: VariantPlan) -> Instance:
        """Make an instance that is not started yet."""
        return self._factory.new_instance(plan)

    def now_s(self) -> float:
        """Return the time, in AWS seconds."""
        return self._context.clock.monotonic()

    def tripped(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return which of the alarms take a deployment back now."""
        return tripped_alarms(names, account_id=self.account_id, region=self.region) if names else ()

    def show(self, phase: Phase, *, stage: Stage, blue: Fleet) -> None:
        """Let DescribeEndpoint say where the deployment is."""
        if self.pending is not None:
            now = naive_utc(self._context.clock.now())
            self.pending = self.pending.entering(phase, stage=stage, blue=blue, now=now)
            self._announce()

    def _announce(self) -> None:
        """Tell EventBridge of the state that the deployment is in."""
        pending = None if self.pending is None else self.pending.summary()
        publish(
            event_detail(self.endpoint, pending=pending),
            account_id=self.account_id,
            region=self.region,
            now=self._context.clock.now(),
        )

    def _scale(self, *, counts: Mapping[str, int], weights: Mapping[str, float]) -> None:
        wanted = self.fleet.resized(counts=counts, weights=weights, new_instance=self._factory.new_instance)
        self._end_change(self._try(lambda: self._switch_to(wanted)))

    def _end_change(self, failure: str | None) -> None:
        """Close an update: InService either way, but a failed one rolls back and says why."""
        self.endpoint.production_variants = self.fleet.summaries()
        if failure is not None:
            self._move(states.ROLLING_BACK, reason=failure)
        self._move(states.IN_SERVICE, reason=failure)

    def _fetch(self, plans: Sequence[VariantPlan]) -> str | None:
        """Fetch the models; return why that failed, or None."""
        return self._try(lambda: self._factory.fetch(with_shadows(plans)))

    def _try(self, step: Callable[[], str | None]) -> str | None:
        """Take a step of a deployment; return why it failed, or None."""
        try:
            return step()
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
        self.retire(surplus)
        return None

    def retire(self, instances: Sequence[Instance]) -> None:
        """Let instances that get no traffic any more finish their requests, and stop them."""
        grace_s = ABANDON_GRACE_S
        try:
            self._drain(instances)
            grace_s = self._grace_s()
        finally:
            stop_all(instances, grace_s=grace_s)

    def _bring_up(self, added: Sequence[Instance]) -> str | None:
        """Start instances and wait until all are healthy or one has failed (each has its own time limit)."""
        for instance in added:
            instance.start()
        while not all(instance.is_healthy for instance in added):
            self.pause()
            self._watch()
            for instance in added:
                instance.step()
                if instance.failure is not None:
                    return instance.failure
        return None

    def _drain(self, surplus: Sequence[Instance]) -> None:
        """Let instances finish every request that they were picked for; each has a time limit of its own."""
        for instance in surplus:
            instance.retire()
        while any(instance.outstanding for instance in surplus):
            self.pause()

    def pause(self) -> None:
        """Wait a moment; raises where the endpoint goes away."""
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
        self._announce()
