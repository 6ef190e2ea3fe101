"""How many of a variant's requests its shadow gets, and that nobody waits for it."""

import asyncio
import random

import pytest

from localaws.sagemaker.endpoints.fleet import Variant
from localaws.sagemaker.endpoints.plan import VariantPlan
from localaws.sagemaker.endpoints.shadows import Mirror, mirrored_share


def variant(name: str, *, weight: float, shadow: Variant | None = None) -> Variant:
    plan = VariantPlan(name=name, count=1, weight=weight, startup_s=1.0, role_arn="", container={})
    return Variant(plan=plan, weight=weight, instances=(), shadow=shadow)


def pair(*, weight: float, shadow_weight: float) -> Variant:
    return variant("v", weight=weight, shadow=variant("s", weight=shadow_weight))


@pytest.mark.parametrize(
    ("weight", "shadow_weight", "share"),
    [(1.0, 1.0, 1.0), (1.0, 0.5, 0.5), (4.0, 1.0, 0.25), (1.0, 3.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 1.0)],
)
def test_the_share_is_the_ratio_of_the_weights(weight: float, shadow_weight: float, share: float) -> None:
    assert mirrored_share(pair(weight=weight, shadow_weight=shadow_weight)) == share


def test_without_a_shadow_nothing_is_mirrored() -> None:
    assert mirrored_share(variant("v", weight=1.0)) == 0


@pytest.mark.parametrize("shadow_weight", [0.0, 0.25, 1.0])
def test_a_share_is_mirrored_and_nobody_waits(shadow_weight: float) -> None:
    asked: list[str] = []

    async def ask(shadow: Variant) -> None:
        await asyncio.sleep(0)
        asked.append(shadow.plan.name)

    async def main() -> None:
        mirror, both = Mirror(rng=random.Random(1)), pair(weight=1.0, shadow_weight=shadow_weight)
        for _ in range(2000):
            mirror.reflect(both, ask)
        assert asked == []
        for _ in range(3):
            await asyncio.sleep(0)

    asyncio.run(main())
    assert len(asked) == pytest.approx(2000 * shadow_weight, abs=80)
    assert set(asked) <= {"s"}


def test_what_is_under_way_is_dropped_at_the_end() -> None:
    async def ask(_: Variant) -> None:
        await asyncio.sleep(3600)

    async def main() -> None:
        mirror = Mirror(rng=random.Random(1))
        mirror.reflect(pair(weight=1.0, shadow_weight=1.0), ask)
        mirror.close()
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
