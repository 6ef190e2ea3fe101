"""The instances behind an endpoint, variant by variant, and which of them gets a request."""

import random
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localaws.sagemaker.endpoints.instance import Instance
from localaws.sagemaker.endpoints.plan import VariantPlan


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A variant and its instances. Never changed, only replaced: the event loop reads it without a lock."""

    plan: VariantPlan
    weight: float
    instances: tuple[Instance, ...]

    def pick_instance(self) -> Instance | None:
        """Return the healthy instance with the fewest outstanding requests, or None."""
        healthy = [instance for instance in self.instances if instance.is_healthy]
        if len(healthy) <= 1:
            return healthy[0] if healthy else None
        return min(healthy, key=lambda instance: instance.outstanding)


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """All variants of an endpoint."""

    variants: Mapping[str, Variant]

    def instances(self) -> list[Instance]:
        """Return every instance."""
        return [instance for variant in self.variants.values() for instance in variant.instances]

    @property
    def size(self) -> int:
        """How many instances there are."""
        return sum([len(variant.instances) for variant in self.variants.values()])

    def pick_variant(self, *, rng: random.Random) -> Variant | None:
        """Return a variant at random, by weight, among those that can answer; None where none can."""
        able = [
            variant
            for variant in self.variants.values()
            if variant.weight > 0 and any(instance.is_healthy for instance in variant.instances)
        ]
        if len(able) <= 1:
            return able[0] if able else None
        return rng.choices(able, weights=[variant.weight for variant in able])[0]

    def resized(
        self,
        *,
        counts: Mapping[str, int],
        weights: Mapping[str, float],
        new_instance: Callable[[VariantPlan], Instance],
    ) -> "Fleet":
        """Return this fleet with other counts and weights; the newest surplus instances are left out."""
        variants = {}
        for name, variant in self.variants.items():
            count = counts.get(name, len(variant.instances))
            kept = variant.instances[:count]
            added = tuple(new_instance(variant.plan) for _ in range(count - len(kept)))
            variants[name] = Variant(
                plan=variant.plan, weight=weights.get(name, variant.weight), instances=kept + added
            )
        return Fleet(variants=variants)

    def summaries(self) -> list[dict[str, Any]]:
        """Return the ProductionVariants of DescribeEndpoint."""
        return [
            summary(variant.plan, weight=variant.weight, current=len(variant.instances))
            for variant in self.variants.values()
        ]


def build_fleet(plans: Iterable[VariantPlan], *, new_instance: Callable[[VariantPlan], Instance]) -> Fleet:
    """Make a fleet whose instances are not started yet."""
    return Fleet(
        variants={
            plan.name: Variant(
                plan=plan,
                weight=plan.weight,
                instances=tuple(new_instance(plan) for _ in range(plan.count)),
            )
            for plan in plans
        }
    )


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
