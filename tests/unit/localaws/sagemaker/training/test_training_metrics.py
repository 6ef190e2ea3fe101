"""Metrics read from log lines."""

import threading
from datetime import datetime

import pytest
import regex

from localaws.sagemaker.training import metrics
from localaws.sagemaker.training.metrics import MAX_OVERRUNS, MetricPattern, MetricReader

ENDLESS, LINE = r"(a|aa)+$", "a" * 60 + "b"
"""A pattern, and a line on which it takes time by the power of the line's length."""
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


def test_a_pattern_that_takes_for_ever_is_stopped_and_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(metrics, "MATCH_S", 0.05)
    pattern = MetricPattern(ENDLESS)
    assert [pattern.read(LINE) for _ in range(MAX_OVERRUNS + 2)] == [None] * (MAX_OVERRUNS + 2)
    assert len(caplog.messages) == MAX_OVERRUNS
    assert caplog.messages[-1].endswith("and is given up")


def test_the_other_metrics_of_the_line_are_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MATCH_S", 0.05)
    reader = MetricReader([{"Name": "bad", "Regex": ENDLESS}, {"Name": "acc", "Regex": r"acc=(\S+)"}])
    reader.read(f"acc=0.5 {LINE}", now=NOW)
    assert [item["MetricName"] for item in reader.final()] == ["acc"]


def test_other_threads_go_on_while_a_pattern_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MATCH_S", 0.5)
    pattern, ended = MetricPattern(ENDLESS), threading.Event()
    thread = threading.Thread(target=lambda: (pattern.read(LINE), ended.set()))
    thread.start()
    turns = 0
    while not ended.wait(0.01):
        turns += 1
    thread.join()
    assert turns > 3


def test_what_is_no_regular_expression_is_refused() -> None:
    with pytest.raises(regex.error):
        MetricPattern("loss=(")
