"""Metrics read from log lines."""

from datetime import datetime

from localaws.sagemaker.training.metrics import MetricReader

NOW = datetime(2026, 1, 1)
LATER = datetime(2026, 1, 2)


def test_the_last_value_counts_with_its_time() -> None:
    reader = MetricReader([{"Name": "loss", "Regex": r"loss=(\S+)"}, {"Name": "acc", "Regex": r"acc=(\S+)"}])
    reader.read("epoch 1 loss=0.5 acc=0.1", now=NOW)
    reader.read("epoch 2 loss=0.25", now=LATER)
    assert reader.final() == [
        {"MetricName": "loss", "Value": 0.25, "Timestamp": LATER},
        {"MetricName": "acc", "Value": 0.1, "Timestamp": NOW},
    ]


def test_what_is_no_finite_number_is_left_out() -> None:
    reader = MetricReader([{"Name": "loss", "Regex": r"loss=(\S+)?"}])
    for text in ("loss=abc", "loss=nan", "loss=inf", "loss="):
        reader.read(text, now=NOW)
    assert reader.final() == []


def test_one_line_may_hold_many_values_and_scientific_numbers() -> None:
    reader = MetricReader([{"Name": "loss", "Regex": r"loss=([0-9.e-]+)"}])
    reader.read("loss=1 loss=2.5e-3", now=NOW)
    assert reader.final()[0]["Value"] == 0.0025
