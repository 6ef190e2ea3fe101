"""What an update keeps of the variants that an endpoint has, and what it cannot make of them."""

from collections.abc import Collection, Container, Sequence
from dataclasses import replace

from moto.sagemaker.exceptions import ValidationError

from localaws.sagemaker.endpoints.fleet import Fleet
from localaws.sagemaker.endpoints.plan import VariantPlan


def retain_properties(
    plans: Sequence[VariantPlan], *, fleet: Fleet, excluded: Collection[str]
) -> tuple[VariantPlan, ...]:
    """Give `plans` the weights and instance counts that variants of the same name have now."""

    def retain(plan: VariantPlan) -> VariantPlan:
        now = fleet.find_variant(plan.name)
        if now is not None and "DesiredInstanceCount" not in excluded:
            plan = replace(plan, count=len(now.instances))
        if now is not None and "DesiredWeight" not in excluded:
            plan = replace(plan, weight=now.weight)
        return plan if plan.shadow is None else replace(plan, shadow=retain(plan.shadow))

    return tuple(retain(plan) for plan in plans)


def check_kind(plans: Sequence[VariantPlan], *, fleet: Fleet) -> None:
    """Refuse to make variants with instances serverless by an update."""
    had_instances = any(not variant.plan.is_serverless for variant in fleet.all_variants())
    if had_instances and any(plan.is_serverless for plan in plans):
        raise ValidationError(message="An endpoint with instances cannot be updated to a serverless one.")


def check_scaled(
    plans: Sequence[VariantPlan], *, fleet: Fleet, endpoint_name: str, targets: Container[str]
) -> None:
    """Refuse to remove, or to give another instance type to, a variant that is a scalable target.

    `targets` are the resource ids of what scales. The sentence is localaws' own; AWS's page:
    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html
    """
    wanted = {plan.name: plan.instance_type for plan in plans}
    for name, variant in fleet.variants.items():
        is_changed = wanted.get(name) != variant.plan.instance_type
        if is_changed and f"endpoint/{endpoint_name}/variant/{name}" in targets:
            raise ValidationError(
                message=f"The variant {name} is a scalable target of Application Auto Scaling. Deregister it "
                "before it is removed or its instance type is changed."
            )
