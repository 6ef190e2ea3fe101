"""What DescribeEndpoint says of a deployment that goes on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from localaws.sagemaker.endpoints import states
from localaws.sagemaker.endpoints.deployments import wording
from localaws.sagemaker.endpoints.deployments.schedule import Stage
from localaws.sagemaker.endpoints.deployments.states import Phase
from localaws.sagemaker.endpoints.fleet import Fleet, summary
from localaws.sagemaker.endpoints.plan import VariantPlan

UPDATING = "Updating"
"""The variant status of a change of capacity."""


@dataclass(frozen=True, kw_only=True)
class PendingDeployment:
    """A deployment at a moment; times are naive UTC, as moto's are."""

    config_name: str
    plans: tuple[VariantPlan, ...]
    started: datetime
    status: str = Phase.CREATING.value
    messages: Mapping[str, str]
    """By variant."""
    since: datetime
    active: Mapping[str, int]
    """Instances with traffic, by variant."""

    @classmethod
    def begin(cls, *, config_name: str, plans: Sequence[VariantPlan], now: datetime) -> "PendingDeployment":
        """Return one whose instances are about to start."""
        messages = {plan.name: wording.launching(plan.count) for plan in plans}
        return cls(
            config_name=config_name, plans=tuple(plans), started=now, messages=messages, since=now, active={}
        )

    def entering(self, phase: Phase, *, stage: Stage, blue: Fleet, now: datetime) -> "PendingDeployment":
        """Return it in a phase of a stage; `blue` is the old fleet as it still runs."""
        messages = {
            plan.name: message_of(phase, name=plan.name, stage=stage, blue=blue, active=self.active)
            for plan in self.plans
        }
        active = self.active if phase is Phase.CREATING else stage.active
        return replace(self, status=phase.value, messages=messages, since=now, active=active)

    def summary(self) -> dict[str, Any]:
        """Return the PendingDeploymentSummary."""
        found: dict[str, Any] = {
            "EndpointConfigName": self.config_name,
            "ProductionVariants": [self._variant(plan) for plan in self.plans],
            "StartTime": self.started,
        }
        shadows = [plan.shadow for plan in self.plans if plan.shadow is not None]
        if shadows:
            found["ShadowProductionVariants"] = [self._variant(plan) for plan in shadows]
        return found

    def _variant(self, plan: VariantPlan) -> dict[str, Any]:
        found = summary(plan, weight=plan.weight, current=self.active.get(plan.name, 0), desired=plan.count)
        if plan.instance_type:
            found["InstanceType"] = plan.instance_type
        if plan.name in self.messages:
            status = {"Status": self.status, "StatusMessage": self.messages[plan.name]}
            found["VariantStatus"] = [{**status, "StartTime": self.since}]
        return found


def message_of(phase: Phase, *, name: str, stage: Stage, blue: Fleet, active: Mapping[str, int]) -> str:
    """Return AWS's sentence for a variant in a phase; `active` are the instances that had traffic before."""
    count, is_full = stage.active.get(name, 0), stage.is_full
    if phase is Phase.CREATING:
        return wording.launching(stage.green.get(name, 0) - active.get(name, 0))
    if phase is Phase.ACTIVATING:
        return wording.activating(count, is_full=is_full)
    if phase is Phase.BAKING:
        return wording.baking(count, seconds=stage.bake_s, member=stage.bake_member, is_full=is_full)
    old = blue.variants.get(name)
    return wording.terminating((len(old.instances) if old else 0) - stage.blue.get(name, 0))


def mark_scaling(variants: Iterable[dict[str, Any]], *, counts: Mapping[str, int], now: datetime) -> None:
    """Say of the variants whose instance count grows that they are being updated."""
    for variant in variants:
        count = counts.get(variant["VariantName"], 0)
        if count > variant.get("CurrentInstanceCount", 0):
            message = wording.scaling_out(count)
            variant["VariantStatus"] = [{"Status": UPDATING, "StatusMessage": message, "StartTime": now}]


class Deployed(Protocol):
    """An endpoint, as far as DescribeEndpoint tells of its deployments."""

    fleet: Fleet
    pending: PendingDeployment | None
    last_deployment: Mapping[str, Any] | None


def describe_deployment(endpoint: Deployed, *, status: str) -> dict[str, Any]:
    """Return the members of DescribeEndpoint on deployments and shadow variants."""
    found: dict[str, Any] = {}
    pending = endpoint.pending
    if pending is not None and status in (states.CREATING, states.UPDATING):
        found["PendingDeploymentSummary"] = pending.summary()
    if endpoint.last_deployment is not None:
        found["LastDeploymentConfig"] = endpoint.last_deployment
    if shadows := endpoint.fleet.shadow_summaries():
        found["ShadowProductionVariants"] = shadows
    return found
