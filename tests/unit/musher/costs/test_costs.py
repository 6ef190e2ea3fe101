"""The estimate names its parts, its sum and its source; the advice on instances invents no figure."""

import re

import pytest

from musher.costs import instances, prices
from musher.costs.instances import advise_instances
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


def test_the_table_has_a_date_and_positive_prices() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", prices.NOTED_ON)
    assert all(name.startswith("ml.") and price > 0 for name, price in prices.PRICES_USD_PER_HOUR.items())


def test_one_instance_needs_no_advice() -> None:
    assert advise_instances(architecture="resnet50", instances=1, images=100) is None


def test_advice_without_figures_gives_none() -> None:
    text = advise_instances(architecture="resnet50", instances=2, images=100)
    assert text is not None
    assert text.startswith("instance_count is 2, for 100 training images: every instance starts")
    assert "%" not in text


def test_a_measured_figure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "EFFICIENCY", {"resnet50": {2: 0.95}})
    text = advise_instances(architecture="resnet50", instances=2, images=100)
    assert "Each works at 95% of its speed alone." in str(text)
