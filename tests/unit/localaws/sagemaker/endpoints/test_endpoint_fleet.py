"""Which instance gets a request, and how a fleet changes its size."""

import random
from collections import Counter
from typing import Any

from localaws.clock import ManualClock
from localaws.sagemaker.endpoints.fleet import Fleet, build_fleet
from localaws.sagemaker.endpoints.instance import Instance, State
from localaws.sagemaker.endpoints.plan import LEAST_OUTSTANDING, VariantPlan


def make_plan(name: str = "AllTraffic", **changes: Any) -> VariantPlan:
    values: dict[str, Any] = {
        "name": name,
        "count": 1,
        "weight": 1.0,
        "startup_s": 480.0,
        "role_arn": "arn:aws:iam::123456789012:role/x",
        "container": {"Image": "image"},
    }
    return VariantPlan(**values | changes)


def new_instance(plan: VariantPlan) -> Instance:
    """Return a healthy instance without a process."""
    instance = Instance(
        instance_id=f"i-{random.getrandbits(32):x}",
        variant=plan.name,
        launch=lambda: (_ for _ in ()).throw(AssertionError("not started here")),
        clock=ManualClock(),
        startup_s=plan.startup_s,
    )
    instance.state = State.HEALTHY
    return instance


def make_fleet(*plans: VariantPlan) -> Fleet:
    return build_fleet(plans, new_instance=new_instance)


def test_variants_are_picked_by_weight() -> None:
    fleet = make_fleet(make_plan("a", weight=3.0), make_plan("b", weight=1.0), make_plan("c", weight=0.0))
    rng = random.Random(1)
    picked = Counter(variant.plan.name for _ in range(4000) if (variant := fleet.pick_variant(rng=rng)))
    assert set(picked) == {"a", "b"}
    assert 2850 < picked["a"] < 3150


def test_a_variant_without_a_healthy_instance_is_passed_over() -> None:
    fleet = make_fleet(make_plan("a"), make_plan("b"))
    fleet.variants["a"].instances[0].state = State.BACKING_OFF
    variant = fleet.pick_variant(rng=random.Random(1))
    assert variant is not None
    assert variant.plan.name == "b"
    fleet.variants["b"].instances[0].state = State.BACKING_OFF
    assert fleet.pick_variant(rng=random.Random(1)) is None


def test_an_instance_is_picked_at_random_however_busy_it_is() -> None:
    variant = make_fleet(make_plan(count=3)).variants["AllTraffic"]
    variant.instances[0].outstanding = 50
    variant.instances[1].state = State.STARTING
    rng = random.Random(1)
    picked = Counter(variant.pick_instance(rng=rng) for _ in range(1000))
    assert set(picked) == {variant.instances[0], variant.instances[2]}
    assert 450 < picked[variant.instances[0]] < 550


def test_the_instance_with_the_fewest_outstanding_requests_is_picked_where_that_is_asked_for() -> None:
    variant = make_fleet(make_plan(count=3, routing=LEAST_OUTSTANDING)).variants["AllTraffic"]
    rng = random.Random(1)
    for instance, outstanding in zip(variant.instances, (2, 0, 1), strict=True):
        instance.outstanding = outstanding
    assert variant.pick_instance(rng=rng) is variant.instances[1]
    variant.instances[1].state = State.STARTING
    assert variant.pick_instance(rng=rng) is variant.instances[2]


def test_growing_keeps_the_old_instances_and_shrinking_the_oldest() -> None:
    fleet = make_fleet(make_plan(count=2))
    grown = fleet.resized(counts={"AllTraffic": 3}, weights={}, new_instance=new_instance)
    assert grown.instances()[:2] == fleet.instances()
    assert len(grown.instances()) == 3
    shrunk = grown.resized(counts={"AllTraffic": 1}, weights={"AllTraffic": 2.0}, new_instance=new_instance)
    assert shrunk.instances() == fleet.instances()[:1]
    assert shrunk.variants["AllTraffic"].weight == 2.0


def test_summaries_carry_counts_weights_and_the_image() -> None:
    assert make_fleet(make_plan(count=2, weight=0.5)).summaries() == [
        {
            "VariantName": "AllTraffic",
            "DeployedImages": [{"SpecifiedImage": "image"}],
            "CurrentWeight": 0.5,
            "DesiredWeight": 0.5,
            "CurrentInstanceCount": 2,
            "DesiredInstanceCount": 2,
        }
    ]


def test_a_serverless_variant_has_no_instance_counts() -> None:
    (summary,) = make_fleet(make_plan(is_serverless=True)).summaries()
    assert "CurrentInstanceCount" not in summary


def test_a_serverless_variant_has_room_for_so_many_requests_and_says_so() -> None:
    config = {"MemorySizeInMB": 1024, "MaxConcurrency": 2}
    fleet = make_fleet(make_plan(is_serverless=True, serverless_config=config))
    variant, (summary,) = fleet.variants["AllTraffic"], fleet.summaries()
    assert summary["CurrentServerlessConfig"] == summary["DesiredServerlessConfig"] == config
    for outstanding, is_throttled in ((0, False), (1, False), (2, True), (3, True)):
        variant.instances[0].outstanding = outstanding
        assert variant.is_throttled is is_throttled
    assert not make_fleet(make_plan()).variants["AllTraffic"].is_throttled


def test_a_shadow_is_scaled_and_found_by_its_own_name() -> None:
    fleet = make_fleet(make_plan("v", shadow=make_plan("s", weight=0.5)))
    assert [variant.plan.name for variant in fleet.all_variants()] == ["v", "s"]
    resized = fleet.resized(counts={"s": 2}, weights={"s": 3.0}, new_instance=new_instance)
    shadow = resized.find_variant("s")
    assert shadow is not None
    assert (len(shadow.instances), shadow.weight) == (2, 3.0)
    assert len(resized.instances()) == 3
    assert resized.shadow_summaries()[0]["CurrentInstanceCount"] == 2
    assert [summary["VariantName"] for summary in resized.summaries()] == ["v"]
    assert resized.find_variant("x") is None


def test_a_plan_reads_uncompressed_model_data() -> None:
    source = {
        "S3DataSource": {"S3Uri": "s3://b/prefix/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    }
    assert make_plan(container={"ModelDataSource": source}).model_data == ("s3://b/prefix/", False)
    assert make_plan(container={"ModelDataUrl": "s3://b/k"}).model_data == ("s3://b/k", True)
