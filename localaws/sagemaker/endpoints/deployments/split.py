"""The traffic between an old fleet and a new one."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from localaws.sagemaker.endpoints.fleet import Fleet, Variant
from localaws.sagemaker.endpoints.instance import Instance


@dataclass(frozen=True, kw_only=True)
class SplitFleet(Fleet):
    """Two fleets of the same variants; `variants` are those of the old one."""

    green: Mapping[str, Variant]
    """Those of the new fleet, with the instances that get traffic."""
    share: Mapping[str, float] = field(default_factory=dict)
    """How much of each variant's traffic they get, from 0 to 1."""

    def instances(self) -> list[Instance]:
        """Return every instance that gets traffic."""
        return [
            *super().instances(),
            *(instance for variant in self.green.values() for instance in variant.all_instances()),
        ]

    def all_variants(self) -> list[Variant]:
        """Return the variants of the old fleet, then those of the new one."""
        return [*super().all_variants(), *Fleet(variants=self.green).all_variants()]

    def pick_variant(self, *, rng: random.Random, target: str | None = None) -> Variant | None:
        """Return a variant of one of the fleets: by weight, then by share; the other one where none can."""
        name = target or self._pick_name(rng)
        sides = [self.variants.get(name or ""), self.green.get(name or "")]
        if rng.random() < self.share.get(name or "", 0.0):
            sides.reverse()
        able = [side for side in sides if side is not None and side.is_able]
        return able[0] if able else next((side for side in sides if side is not None), None)

    def _pick_name(self, rng: random.Random) -> str | None:
        both = {
            name: old if old.is_able else self.green.get(name, old) for name, old in self.variants.items()
        }
        found = Fleet(variants=both).pick_variant(rng=rng)
        return None if found is None else found.plan.name


def cut(fleet: Fleet, counts: Mapping[str, int]) -> Fleet:
    """Return the first instances of each variant; a variant that is not in `counts` loses all."""
    return Fleet(
        variants={
            name: replace(variant, instances=variant.instances[: counts.get(name, 0)])
            for name, variant in fleet.variants.items()
        }
    )


def sizes(fleet: Fleet) -> dict[str, int]:
    """Return the instances of each variant."""
    return {name: len(variant.instances) for name, variant in fleet.variants.items()}
