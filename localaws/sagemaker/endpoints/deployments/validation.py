"""Refuse a DeploymentConfig that contradicts itself, the endpoint or the new config, before anything changes.

AWS publishes the limits, not the sentences: the sentences are ours. Limits of single numbers are those of
AWS's service model, which every request is held against before.
Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html,
API_RollingUpdatePolicy.html and https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from moto.sagemaker.exceptions import ValidationError

from localaws.sagemaker.endpoints.deployments.alarms import missing_alarms
from localaws.sagemaker.endpoints.deployments.schedule import plan_stages
from localaws.sagemaker.endpoints.deployments.spec import (
    ALL_AT_ONCE,
    CANARY,
    LINEAR,
    ROLLING,
    Deployment,
    Size,
)
from localaws.sagemaker.endpoints.plan import VariantPlan

SIZE_MEMBERS = {CANARY: "CanarySize", LINEAR: "LinearStepSize", ROLLING: "MaximumBatchSize"}
LIMITS = {CANARY: (0, 50), LINEAR: (10, 50), ROLLING: (5, 50)}
"""Least and largest size in percent of a variant's instances."""


def read_deployment(
    config: Mapping[str, Any] | None,
    *,
    plans: Sequence[VariantPlan],
    variants: Collection[str],
    account_id: str,
    region: str,
) -> Deployment:
    """Read a DeploymentConfig, or refuse it; without one everything goes over at once."""
    if not config:
        return Deployment()
    check_config(config)
    deployment = Deployment.from_request(config)
    check_deployment(deployment, plans=plans, variants=variants)
    check_alarms(deployment.alarms, account_id=account_id, region=region)
    return deployment


def check_config(config: Mapping[str, Any]) -> None:
    """Refuse members that contradict each other or lack one another."""
    if config.get("BlueGreenUpdatePolicy") and config.get("RollingUpdatePolicy"):
        raise _refused("only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be given.")
    policy = config.get("BlueGreenUpdatePolicy") or {}
    routing = policy.get("TrafficRoutingConfiguration") or {}
    kind = routing.get("Type", ALL_AT_ONCE)
    for size_of in (CANARY, LINEAR):
        member = SIZE_MEMBERS[size_of]
        if kind == size_of and not routing.get(member):
            raise _refused(f"{member} is required where the traffic routing type is {kind}.")
        if kind != size_of and routing.get(member):
            raise _refused(f"{member} can only be given where the traffic routing type is {size_of}.")
    names = [alarm.get("AlarmName") for alarm in _alarms(config)]
    if None in names:
        raise _refused("an alarm of AutoRollbackConfiguration has no AlarmName.")
    if len(set(names)) < len(names):
        raise _refused("the alarms of AutoRollbackConfiguration must have different names.")


def _alarms(config: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return (config.get("AutoRollbackConfiguration") or {}).get("Alarms") or ()


def check_deployment(
    deployment: Deployment, *, plans: Sequence[VariantPlan], variants: Collection[str]
) -> None:
    """Refuse what does not fit the new config's `plans`, or an endpoint that has `variants` now."""
    if {plan.name for plan in plans} != set(variants):
        raise _refused(
            "the new endpoint configuration must have the same variant names as the old one: "
            f"{', '.join(sorted(variants))}."
        )
    if any(plan.is_serverless for plan in plans):
        _check_serverless(deployment)
    if deployment.kind == ROLLING and (len(plans) > 1 or plans[0].shadow is not None):
        raise _refused("an endpoint with several variants cannot be updated by RollingUpdatePolicy.")
    for plan in plans:
        _check_sizes(deployment, plan)
    _check_timeout(deployment, plans)


def _check_serverless(deployment: Deployment) -> None:
    """Refuse what AWS excludes for serverless variants, and what localaws has no instances for."""
    if deployment.kind == ROLLING:
        raise _refused("an endpoint with serverless variants cannot be updated by RollingUpdatePolicy.")
    if deployment.kind != ALL_AT_ONCE:
        raise _refused(
            f"localaws has no {deployment.kind} for serverless variants, which have no instances to divide. "
            f"Choose {ALL_AT_ONCE}."
        )


def _check_sizes(deployment: Deployment, plan: VariantPlan) -> None:
    if deployment.step is not None:
        least, largest = LIMITS[deployment.kind]
        member = SIZE_MEMBERS[deployment.kind]
        _check_size(deployment.step, plan, member=member, least=least, largest=largest)
    if deployment.rollback_step is not None:
        _check_size(deployment.rollback_step, plan, member="RollbackMaximumBatchSize", least=0, largest=100)


def _check_size(size: Size, plan: VariantPlan, *, member: str, least: int, largest: int) -> None:
    percent = 100 * size.share_of(plan.count)
    if not least <= percent <= largest:
        limits = f"between {least}% and {largest}%" if least else f"at most {largest}%"
        raise _refused(
            f"{member} must be {limits} of the {plan.count} instance(s) of variant {plan.name}, not "
            f"{percent:g}%."
        )


def _check_timeout(deployment: Deployment, plans: Sequence[VariantPlan]) -> None:
    counts = {plan.name: plan.count for plan in plans}
    waits_s = sum(stage.bake_s for stage in plan_stages(deployment, blue=counts, green=counts))
    if deployment.timeout_s is not None and deployment.timeout_s <= waits_s:
        raise _refused(
            f"MaximumExecutionTimeoutInSeconds ({deployment.timeout_s}) must be larger than the total "
            f"waiting time, which is {waits_s:g} seconds."
        )


def check_alarms(names: Sequence[str], *, account_id: str, region: str) -> None:
    """Refuse alarms that do not exist."""
    missing = missing_alarms(names, account_id=account_id, region=region)
    if missing:
        raise _refused(f"the alarm(s) {', '.join(missing)} do not exist in CloudWatch.")


def _refused(cause: str) -> ValidationError:
    return ValidationError(message=f"Invalid DeploymentConfig: {cause}")
