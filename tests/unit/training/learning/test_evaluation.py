"""Scores of the test split, and a temperature that makes confidence mean something."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from imgclf.distributed import World
from imgclf.learning.evaluation import Predictions, evaluate, fit_temperature, judge

SOLO = World(rank=0, size=1, local_rank=0, host="localhost", device=torch.device("cpu"))
CLASSES = [f"{number:03}.class" for number in range(7)]


def predictions(*, images: int, scale: float = 1.0, seed: int = 1) -> Predictions:
    """Draw labels from the probabilities of random logits, then scale the logits."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(images, 7, generator=generator)
    labels = torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]
    return Predictions(logits=logits * scale, labels=labels)


@pytest.mark.parametrize("scale", [0.25, 1.0, 4.0])
def test_the_temperature_is_what_the_logits_were_scaled_by(scale: float) -> None:
    assert fit_temperature(predictions(images=20_000, scale=scale)) == pytest.approx(scale, rel=0.05)


def test_the_temperature_calibrates_an_overconfident_model() -> None:
    temperature = fit_temperature(predictions(images=5000, scale=4.0))
    found = judge(predictions(images=5000, scale=4.0, seed=2), temperature=temperature, classes=CLASSES)
    assert found["ece"] > 0.15
    assert found["calibrated_ece"] < 0.03
    assert found["calibrated_nll"] < found["nll"]


def test_the_scores_are_those_of_the_counts() -> None:
    test = predictions(images=300)
    kept = test.labels != 6  # a class without images
    test = Predictions(logits=test.logits[kept], labels=test.labels[kept])
    found = judge(test, temperature=1.0, classes=CLASSES)
    predicted, labels = test.logits.argmax(1), test.labels
    assert found["images"] == len(labels)
    assert found["accuracy"] == pytest.approx(float((predicted == labels).float().mean()))
    top5 = (test.logits.topk(5, 1).indices == labels[:, None]).any(1).float().mean()
    assert found["top5_accuracy"] == pytest.approx(float(top5))
    counts = torch.bincount(7 * labels + predicted, minlength=49).view(7, 7)
    assert found["confusion_matrix"] == counts.tolist()
    assert found["per_class_recall"][:6] == pytest.approx((counts.diag() / counts.sum(1))[:6].tolist())
    assert found["per_class_recall"][6] is None
    assert found["loss"] == pytest.approx(float(nn.functional.cross_entropy(test.logits, test.labels)))
    json.dumps(found, allow_nan=False)


def test_a_split_is_scored_in_batches_as_a_whole(make_points: Callable[..., Any]) -> None:
    """300 points: three batches, the last one smaller."""
    points, model = make_points(images=300, seed=1), nn.Linear(5, 3)
    score = evaluate(model, points, SOLO)
    logits, labels = model(points.values).detach(), torch.from_numpy(points.split.labels)
    assert score.images == 300
    assert score.loss == pytest.approx(float(nn.functional.cross_entropy(logits, labels)), rel=1e-5)
    assert score.accuracy == pytest.approx(float((logits.argmax(1) == labels).float().mean()))


def test_few_classes_have_a_top_five_too() -> None:
    logits = torch.tensor([[2.0, 1.0], [0.0, 1.0]])
    found = judge(
        Predictions(logits=logits, labels=torch.tensor([1, 1])), temperature=1.0, classes=["a", "b"]
    )
    assert (found["accuracy"], found["top5_accuracy"], found["confusion_matrix"]) == (
        0.5,
        1.0,
        [[0, 0], [1, 1]],
    )
    assert found["per_class_recall"] == [None, 0.5]
