"""The estimate names its parts, its sum and its source; the advice on instances invents no figure."""

import re

import pytest

from imgclf.networks.registry import ARCHITECTURES
from musher.costs import prices
from musher.costs.instances import WHOLE_BATCHES, advise_instances, advise_parts
from musher.costs.prices import Use, describe_estimate

JOB = Use(what="train", instance_type="ml.m5.xlarge", instances=2, max_s=1800)
ENDPOINT = Use(what="endpoint", instance_type="ml.m5.large", instances=1)


def test_the_estimate_is_the_sum_of_what_ends() -> None:
    text = describe_estimate([JOB, ENDPOINT])
    assert text.startswith(
        "train 2 x ml.m5.xlarge for 0.50 h at most: $0.23; endpoint 1 x ml.m5.large by the hour"
    )
    assert "Jobs cost at most $0.23 if each used its whole time limit" in text
    assert f"noted {prices.NOTED_ON}" in text


def test_a_price_that_is_not_known_is_not_guessed() -> None:
    rare = Use(what="tune", instance_type="ml.z9.large", instances=1, max_s=3600)
    text = describe_estimate([JOB, rare])
    assert "tune 1 x ml.z9.large for 1.00 h at most: price unknown" in text
    assert "Jobs cost at least, as prices are missing, $0.23" in text


def test_where_no_price_is_known_no_sum_is_told() -> None:
    rare = Use(what="tune", instance_type="ml.z9.large", instances=1, max_s=3600)
    text = describe_estimate([rare])
    assert "What the jobs cost is not known" in text
    assert "$" not in text


def test_the_table_has_a_date_and_positive_prices() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", prices.NOTED_ON)
    assert all(name.startswith("ml.") and price > 0 for name, price in prices.PRICES_USD_PER_HOUR.items())


def test_one_instance_needs_no_advice() -> None:
    assert advise_instances(instances=1, images=100) is None


def test_advice_without_figures_gives_none() -> None:
    text = advise_instances(instances=2, images=100)
    assert text is not None
    assert text.startswith("instance_count is 2, for 100 training images: every instance starts")
    assert "%" not in text


@pytest.mark.parametrize(
    ("architecture", "instances", "batch_size"),
    [("resnet18", 1, 64), ("resnet18", 2, 64), ("resnet18", 2, 33), ("resnet18", 3, 96), ("vit_b_16", 3, 64)],
)
def test_batches_that_keep_every_instance_at_work_need_no_advice(
    architecture: str, instances: int, batch_size: int
) -> None:
    assert not advise_parts(
        architecture=architecture, instances=instances, batch_size=batch_size, micro_batch_size=32
    )


@pytest.mark.parametrize(
    ("instances", "batch_size", "parts", "share"), [(2, 32, 1, "50%"), (3, 64, 2, "67%"), (2, 96, 3, "75%")]
)
def test_instances_that_would_wait_are_named(instances: int, batch_size: int, parts: int, share: str) -> None:
    text = str(
        advise_parts(architecture="resnet18", instances=instances, batch_size=batch_size, micro_batch_size=32)
    )
    assert f"batch_size {batch_size} makes {parts} part(s) of at most 32 images" in text
    assert f"at most {share} of what is paid for works" in text
    assert f"a multiple of {instances} parts" in text


def test_only_networks_without_batch_normalisation_are_spared_the_advice() -> None:
    assert {name for name, record in ARCHITECTURES.items() if not record.has_batch_norm} >= WHOLE_BATCHES
