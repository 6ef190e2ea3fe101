"""The metric lines and the regexes that read them belong together."""

from __future__ import annotations

import re

import pytest
import torch

from imgclf.distributed import World
from imgclf.learning.metrics import Counter, metric_definitions, metric_line

CPU = torch.device("cpu")


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


def test_counting_batches_gives_the_whole_splits_numbers() -> None:
    logits = torch.randn(50, 7, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(50) % 6  # class 6 has no images
    counter = Counter(7, CPU)
    for start, end in ((0, 20), (20, 45), (45, 50), (50, 50)):
        counter.add(logits[start:end], labels[start:end])
    result = counter.evaluation(World(0, 1, 0, "localhost", CPU))
    predicted = logits.argmax(1)
    assert result.images == 50
    assert result.loss == pytest.approx(float(torch.nn.functional.cross_entropy(logits, labels)), rel=1e-6)
    assert result.accuracy == pytest.approx(float((predicted == labels).float().mean()))
    top5 = (logits.topk(5, 1).indices == labels[:, None]).any(1).float().mean()
    assert result.top5_accuracy == pytest.approx(float(top5))
    assert result.confusion_matrix[2][int(predicted[2])] >= 1
    assert sum(map(sum, result.confusion_matrix)) == 50
    assert result.per_class_recall[6] is None
    assert result.per_class_recall[0] == pytest.approx(float((predicted[labels == 0] == 0).float().mean()))
