"""The state of Application Auto Scaling: moto's lists, and targets that really scale."""

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from moto.applicationautoscaling.models import ApplicationAutoscalingBackend, FakeScalableTarget
from moto.applicationautoscaling.models import FakeApplicationAutoscalingPolicy as FakePolicy
from moto.utilities.utils import get_partition

from localaws import context as contexts
from localaws.autoscaling import errors, wording
from localaws.autoscaling.activities import Activities
from localaws.autoscaling.capacities import find_capacity
from localaws.autoscaling.decisions import Decision
from localaws.autoscaling.policies import LocalPolicy, alarms_of
from localaws.autoscaling.scaling import Scaling
from localaws.autoscaling.schedules import Schedule
from localaws.autoscaling.service import AutoscalingService
from localaws.autoscaling.spec import STEPS, Place, place_of
from localaws.autoscaling.validation import UNSCALED, check_bounds, check_policy, read_action
from localaws.cloudwatch.alarms.alarm import StateChange
from localaws.errors import LocalAwsError

ROLES = {"sagemaker": "SageMakerEndpoint", "lambda": "LambdaConcurrency"}
"""Ends of the names of the roles by which AWS scales each service."""
SUSPENDABLE = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


class ScalingMixin(ApplicationAutoscalingBackend):
    """Overrides what is about places that scale here; the rest is moto's."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        context = contexts.current()
        self._clock = context.clock
        self._lock = threading.RLock()
        self._scaling: dict[Place, Scaling] = {}
        self._schedules: dict[str, Schedule] = {}
        self.activities = Activities(self._clock.now)
        context.find_service(AutoscalingService).adopt(self, account_id=account_id, region=region_name)

    # -- targets -----------------------------------------------------------------------------------------

    def register_scalable_target(
        self,
        namespace: str,
        r_id: str,
        dimension: str,
        min_capacity: int | None,
        max_capacity: int | None,
        role_arn: str,
        suspended_state: Any,
    ) -> FakeScalableTarget:
        """Register a target, or change one, and move its capacity into the bounds."""
        place = Place(namespace=namespace, resource_id=r_id, dimension=dimension)
        given = (min_capacity, max_capacity, role_arn, suspended_state)
        if not place.is_scaled:
            return super().register_scalable_target(namespace, r_id, dimension, *given)
        if dimension.split(":")[0] != namespace:
            raise errors.InvalidError(UNSCALED)
        capacity = find_capacity(place, account_id=self.account_id, region=self.region_name)
        with self._lock:
            known = self._scaling.get(place)
            low = known.target.min_capacity if known and min_capacity is None else min_capacity
            high = known.target.max_capacity if known and max_capacity is None else max_capacity
            check_bounds(low, high, least=capacity.least())
            target = super().register_scalable_target(namespace, r_id, dimension, *given)
            if known is None:
                self._complete(target)
                self._scaling[place] = known = Scaling(
                    place=place,
                    target=target,
                    capacity=capacity,
                    activities=self.activities,
                    clock=self._clock,
                )
            target.suspended_state = complete_state(target.suspended_state)
            known.keep_bounds()
        return target

    def _complete(self, target: FakeScalableTarget) -> None:
        """Give a new target what AWS gives it: the service-linked role, and a time by this clock."""
        target.creation_time = self._clock.now().timestamp()
        service = target.service_namespace
        target.role_arn = target.role_arn or (
            f"arn:{get_partition(self.region_name)}:iam::{self.account_id}:role/aws-service-role/"
            f"{service}.application-autoscaling.amazonaws.com/"
            f"AWSServiceRoleForApplicationAutoScaling_{ROLES[service]}"
        )

    def deregister_scalable_target(self, namespace: str, r_id: str, dimension: str) -> None:
        """Forget a target, and with it its policies, their alarms and its scheduled actions."""
        place = Place(namespace=namespace, resource_id=r_id, dimension=dimension)
        if place.is_scaled and place not in self._scaling:
            raise errors.no_target(place)
        with self._lock:
            super().deregister_scalable_target(namespace, r_id, dimension)
            self._scaling.pop(place, None)
            for policy in [policy for policy in self.policies.values() if place_of(policy) == place]:
                self.delete_scaling_policy(policy.policy_name, namespace, r_id, dimension)
            self.scheduled_actions = [
                action for action in self.scheduled_actions if place_of(action) != place
            ]

    def _registered(self, place: Place) -> Scaling:
        if place not in self._scaling:
            raise errors.not_registered(place)
        return self._scaling[place]

    # -- policies ----------------------------------------------------------------------------------------

    def put_scaling_policy(
        self,
        policy_name: str,
        service_namespace: str,
        resource_id: str,
        scalable_dimension: str,
        policy_body: dict[str, Any],
        policy_type: str | None,
    ) -> FakePolicy:
        """Put a policy; one that tracks a target makes its alarms, and a former version's go."""
        place = Place(namespace=service_namespace, resource_id=resource_id, dimension=scalable_dimension)
        where = (policy_name, service_namespace, resource_id, scalable_dimension)
        if not place.is_scaled:
            return super().put_scaling_policy(*where, policy_body, policy_type)
        with self._lock:
            self._registered(place)
            key = FakePolicy.formulate_key(*where[1:], policy_name)
            known = self.policies.get(key)
            kind = policy_type or (known.policy_type if known else None) or STEPS
            body = policy_body or (known._policy_body if known else None)
            check_policy(kind, body, place=place)
            policy = LocalPolicy(self.account_id, self.region_name, *where, kind, body or {})
            policy.creation_time = self._clock.now().timestamp()
            if known is not None:
                policy.take_over(known)
            policy.make_alarms()
            if known is not None:
                known.delete_alarms(self.account_id, self.region_name)
            self.policies[key] = policy
        return policy

    def delete_scaling_policy(
        self, policy_name: str, service_namespace: str, resource_id: str, scalable_dimension: str
    ) -> None:
        """Delete a policy and its alarms."""
        place = Place(namespace=service_namespace, resource_id=resource_id, dimension=scalable_dimension)
        where = (service_namespace, resource_id, scalable_dimension)
        if place.is_scaled and FakePolicy.formulate_key(*where, policy_name) not in self.policies:
            raise errors.no_policy(place, policy_name)
        super().delete_scaling_policy(policy_name, *where)

    def act_on_alarm(self, change: StateChange, *, policy_arn: str) -> None:
        """Carry a policy out because of an alarm. Raises LocalAwsError where there is none of that ARN."""
        with self._lock:
            policies: Sequence[Any] = list(self.policies.values())
            named = [policy for policy in policies if policy.policy_arn == policy_arn]
            if not named or not isinstance(named[0], LocalPolicy):
                raise LocalAwsError(f"localaws scales nothing by the policy {policy_arn}")
            place = place_of(named[0])
            Decision(
                scaling=self._registered(place),
                policy=named[0],
                policies=[policy for policy in policies if place_of(policy) == place],
                change=change,
                alarms=alarms_of(self.account_id, self.region_name),
            ).act()

    # -- scheduled actions -------------------------------------------------------------------------------

    def put_scheduled_action(self, **request: Any) -> None:  # type: ignore[override]  # moto's actions name all
        """Put a scheduled action, or change what a request names of one."""
        place = Place(
            namespace=request["service_namespace"],
            resource_id=request["resource_id"],
            dimension=request["scalable_dimension"],
        )
        if not place.is_scaled:
            super().put_scheduled_action(**request)
            return
        with self._lock:
            scaling, name = self._registered(place), request["scheduled_action_name"]
            known = self._find_action(place, name)
            merged = {
                "Schedule": request["schedule"] or (known and known.schedule),
                "Timezone": request["timezone"] or (known and known.timezone),
                "ScalableTargetAction": request["scalable_target_action"]
                or (known and known.scalable_target_action),
                "StartTime": request["start_time"],
                "EndTime": request["end_time"],
            }
            now = self._clock.now()
            schedule = read_action(merged, now=now, least=scaling.capacity.least())
            super().put_scheduled_action(**request)
            action = self._find_action(place, name)
            action.creation_time = now.timestamp() if known is None else action.creation_time
            self._schedules[action.arn] = schedule

    def _find_action(self, place: Place, name: str) -> Any:
        return next(
            (
                action
                for action in self.scheduled_actions
                if place_of(action) == place and action.scheduled_action_name == name
            ),
            None,
        )

    def delete_scheduled_action(
        self,
        service_namespace: str,
        scheduled_action_name: str,
        resource_id: str,
        scalable_dimension: str,
    ) -> None:
        """Delete a scheduled action."""
        place = Place(namespace=service_namespace, resource_id=resource_id, dimension=scalable_dimension)
        with self._lock:
            if place.is_scaled and self._find_action(place, scheduled_action_name) is None:
                raise errors.no_action(place, scheduled_action_name)
            super().delete_scheduled_action(
                service_namespace, scheduled_action_name, resource_id, scalable_dimension
            )

    # -- time --------------------------------------------------------------------------------------------

    def tick(self, *, before: datetime, now: datetime) -> None:
        """Do what is due between two moments; a target goes with its resource, as SageMaker does it."""
        with self._lock:
            for place, scaling in list(self._scaling.items()):
                if scaling.follow() is None:
                    self.deregister_scalable_target(place.namespace, place.resource_id, place.dimension)
                elif scaling.is_waiting:
                    scaling.keep_bounds()
            for action in self.scheduled_actions:
                if self._is_due(action, before=before, now=now):
                    self._run(action)

    def _is_due(self, action: Any, *, before: datetime, now: datetime) -> bool:
        schedule = self._schedules.get(action.arn)
        due = None if schedule is None else schedule.next_after(before)
        if due is None or due > now:
            return False
        start, end = (
            datetime.fromtimestamp(float(second), UTC) if second is not None else due
            for second in (action.start_time, action.end_time)
        )
        return start <= due <= end

    def _run(self, action: Any) -> None:
        scaling = self._scaling.get(place_of(action))
        if scaling is None or scaling.is_suspended("ScheduledScalingSuspended"):
            return
        wanted: Mapping[str, int] = action.scalable_target_action
        cause = wording.scheduled(action.scheduled_action_name)
        scaling.set_bounds(low=wanted.get("MinCapacity"), high=wanted.get("MaxCapacity"), cause=cause)


def complete_state(given: Any) -> Any:
    """Return a SuspendedState with all its members."""
    return dict.fromkeys(SUSPENDABLE, False) | (given or {})
