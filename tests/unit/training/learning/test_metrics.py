"""The metric lines and the regexes that read them belong together."""

from __future__ import annotations

import re

import pytest

from imgclf.learning.metrics import metric_definitions, metric_line


@pytest.mark.parametrize("value", [0.0, 1e-9, 0.987654, 1.0, 12345.678901, 3e9])
def test_each_regex_finds_its_own_value_in_the_metric_lines(value: float) -> None:
    epoch = {"train_loss": value, "valid_loss": value + 1, "valid_accuracy": value + 2}
    best = {"best_valid_loss": value + 3, "best_valid_accuracy": value + 4}
    test = {"test_loss": value + 5, "test_accuracy": value + 6}
    lines = f"epoch 3: {metric_line(**epoch)} (1.2 s)\nmodel epoch 3: {metric_line(**best)}\ntest split: "
    lines += metric_line(**test)
    found = {item["Name"]: re.findall(item["Regex"], lines) for item in metric_definitions()}
    expected = {
        name: [f"{value + offset:.6f}"]
        for offset, name in enumerate(
            [
                *("train:loss", "valid:loss", "valid:accuracy"),
                *("best:valid_loss", "best:valid_accuracy"),
                *("test:loss", "test:accuracy"),
            ]
        )
    }
    assert found == expected


def test_definitions_keep_to_what_sagemaker_accepts() -> None:
    """At most 40 metrics, each regex of at most 500 characters with one group."""
    definitions = metric_definitions()
    assert all(set(item) == {"Name", "Regex"} for item in definitions)
    assert all(len(item["Regex"]) <= 500 and re.compile(item["Regex"]).groups == 1 for item in definitions)
