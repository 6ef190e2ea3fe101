"""The instances behind an endpoint, variant by variant, and which of them gets a request."""

import random
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localaws.sagemaker.endpoints.instance import Instance
from localaws.sagemaker.endpoints.plan import LEAST_OUTSTANDING, VariantPlan


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A variant and its instances. Never changed, only replaced: the event loop reads it without a lock."""

    plan: VariantPlan
    weight: float
    instances: tuple[Instance, ...]
    shadow: "Variant | None" = None
    """The shadow variant to which a share of the requests is mirrored."""

    def all_instances(self) -> tuple[Instance, ...]:
        """Return its instances, and those of its shadow."""
        return self.instances + (self.shadow.instances if self.shadow is not None else ())

    @property
    def is_able(self) -> bool:
        """Whether an instance is healthy."""
        return any(instance.is_healthy for instance in self.instances)

    @property
    def is_throttled(self) -> bool:
        """Whether a serverless variant has as many requests under way as MaxConcurrency allows."""
        limit = (self.plan.serverless_config or {}).get("MaxConcurrency")
        return limit is not None and sum(instance.outstanding for instance in self.instances) >= int(limit)

    def pick_instance(self, *, rng: random.Random) -> Instance | None:
        """Return a healthy instance, at random or the one with the fewest outstanding requests; or None."""
        healthy = [instance for instance in self.instances if instance.is_healthy]
        if len(healthy) <= 1:
            return healthy[0] if healthy else None
        if self.plan.routing != LEAST_OUTSTANDING:
            return rng.choice(healthy)
        return min(healthy, key=lambda instance: instance.outstanding)


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """All variants of an endpoint."""

    variants: Mapping[str, Variant]

    def instances(self) -> list[Instance]:
        """Return every instance."""
        return [instance for variant in self.variants.values() for instance in variant.all_instances()]

    @property
    def size(self) -> int:
        """How many instances there are."""
        return len(self.instances())

    def pick_variant(self, *, rng: random.Random, target: str | None = None) -> Variant | None:
        """Return the variant `target`, or one at random, by weight, among those that can answer; or None."""
        if target is not None:
            return self.variants.get(target)
        able = [variant for variant in self.variants.values() if variant.weight > 0 and variant.is_able]
        if len(able) <= 1:
            return able[0] if able else None
        return rng.choices(able, weights=[variant.weight for variant in able])[0]

    def find_variant(self, name: str) -> Variant | None:
        """Return a production or shadow variant by name, or None."""
        return next((variant for variant in self.all_variants() if variant.plan.name == name), None)

    def all_variants(self) -> list[Variant]:
        """Return the production variants and the shadow variants."""
        shadows = (variant.shadow for variant in self.variants.values())
        return [*self.variants.values(), *(shadow for shadow in shadows if shadow is not None)]

    def resized(
        self,
        *,
        counts: Mapping[str, int],
        weights: Mapping[str, float],
        new_instance: Callable[[VariantPlan], Instance],
    ) -> "Fleet":
        """Return this fleet with other counts and weights; the newest surplus instances are left out."""

        def resize(variant: Variant) -> Variant:
            name = variant.plan.name
            count = counts.get(name, len(variant.instances))
            kept = variant.instances[:count]
            added = tuple(new_instance(variant.plan) for _ in range(count - len(kept)))
            return Variant(
                plan=variant.plan,
                weight=weights.get(name, variant.weight),
                instances=kept + added,
                shadow=None if variant.shadow is None else resize(variant.shadow),
            )

        return Fleet(variants={name: resize(variant) for name, variant in self.variants.items()})

    def summaries(self) -> list[dict[str, Any]]:
        """Return the ProductionVariants of DescribeEndpoint."""
        return summaries_of(self.variants.values())

    def shadow_summaries(self) -> list[dict[str, Any]]:
        """Return the ShadowProductionVariants of DescribeEndpoint."""
        return summaries_of(
            variant.shadow for variant in self.variants.values() if variant.shadow is not None
        )


def summaries_of(variants: Iterable[Variant]) -> list[dict[str, Any]]:
    """Describe variants as they are."""
    return [
        summary(variant.plan, weight=variant.weight, current=len(variant.instances)) for variant in variants
    ]


def build_fleet(plans: Iterable[VariantPlan], *, new_instance: Callable[[VariantPlan], Instance]) -> Fleet:
    """Make a fleet whose instances are not started yet."""

    def build(plan: VariantPlan) -> Variant:
        return Variant(
            plan=plan,
            weight=plan.weight,
            instances=tuple(new_instance(plan) for _ in range(plan.count)),
            shadow=None if plan.shadow is None else build(plan.shadow),
        )

    return Fleet(variants={plan.name: build(plan) for plan in plans})


def summary(plan: VariantPlan, *, weight: float, current: int, desired: int | None = None) -> dict[str, Any]:
    """Return one ProductionVariantSummary; a serverless variant has no instance counts."""
    answer: dict[str, Any] = {
        "VariantName": plan.name,
        "DeployedImages": [{"SpecifiedImage": plan.image}],
        "CurrentWeight": weight,
        "DesiredWeight": weight,
    }
    if not plan.is_serverless:
        answer["CurrentInstanceCount"] = current
        answer["DesiredInstanceCount"] = current if desired is None else desired
    elif plan.serverless_config:
        answer["CurrentServerlessConfig"] = answer["DesiredServerlessConfig"] = plan.serverless_config
    return answer


def stop_all(instances: Iterable[Instance], *, grace_s: float) -> None:
    """Stop instances side by side; `grace_s` real seconds between SIGTERM and SIGKILL."""
    threads = [
        threading.Thread(target=instance.stop, kwargs={"grace_s": grace_s}, name=f"stop-{instance.id}")
        for instance in instances
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
