"""Score a model: loss and accuracy after each epoch; at the end torchmetrics' scores of the test split.

A model's probabilities are softmax(logits / temperature). The temperature is fitted on the validation
split, so that the test split stays unseen; it changes confidence only, never the predicted class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from imgclf.distributed import World
from imgclf.images.inputs import Indices, Inputs

BATCH = 128
"""Images of one forward pass."""
BINS = 15
"""Confidence bins of the calibration error."""
COLDEST, HOTTEST = 0.05, 20.0
ROUNDS, POINTS = 5, 33
"""Times that the range of temperatures is narrowed to the best of so many, and its neighbours."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """How a model does on one split."""

    images: int
    loss: float
    """Mean cross entropy in nats."""
    accuracy: float


@torch.inference_mode()
def evaluate(model: nn.Module, inputs: Inputs, world: World) -> Score:
    """Score a split, which must not be empty: each process its own images, summed over all."""
    sums = torch.zeros(3, dtype=torch.float64, device=world.device)  # images, loss, hits
    for logits, labels in predict(model, inputs, world):
        loss = nn.functional.cross_entropy(logits, labels, reduction="sum")
        hits = (logits.argmax(1) == labels).sum()
        sums += torch.stack([torch.full_like(sums[0], len(labels)), loss.double(), hits.double()])
    images, loss_sum, hit_count = world.sum(sums).tolist()
    return Score(images=int(images), loss=loss_sum / images, accuracy=hit_count / images)


def predict(model: nn.Module, inputs: Inputs, world: World) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield the logits (B, classes) and labels (B,) of this process's images of a split."""
    model.eval()
    owned = np.arange(len(inputs.split.positions))
    steps: list[Indices] = [owned[start : start + BATCH] for start in range(0, len(owned), BATCH)]
    for indices, images in zip(steps, inputs.batches(steps), strict=True):
        yield model(images), torch.from_numpy(inputs.split.labels[indices]).to(world.device)


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What a model says of all images of a split, those of other processes included."""

    logits: torch.Tensor  # (N, classes) float32
    labels: torch.Tensor  # (N,) int64


@torch.inference_mode()
def predict_split(model: nn.Module, inputs: Inputs, world: World, *, classes: int) -> Predictions:
    """Return every process's predictions, on every process, on the CPU."""
    found = [(logits.float(), labels) for logits, labels in predict(model, inputs, world)]
    empty = torch.empty(0, classes, device=world.device), torch.empty(0, dtype=torch.int64)
    logits, labels = (
        world.concatenate(torch.cat([part.to(world.device) for part in parts])).cpu()
        for parts in zip(empty, *found, strict=True)
    )
    return Predictions(logits=logits, labels=labels)


def fit_temperature(valid: Predictions) -> float:
    """Return the temperature at which the validation split's mean cross entropy is lowest."""
    logits = valid.logits.double()
    low, high = torch.tensor([COLDEST, HOTTEST]).log().tolist()
    for _ in range(ROUNDS):
        candidates = torch.linspace(low, high, POINTS, dtype=torch.float64)
        losses = [nn.functional.cross_entropy(logits / point.exp(), valid.labels) for point in candidates]
        best = int(torch.stack(losses).argmin())
        low, high = (float(candidates[min(max(best + side, 0), POINTS - 1)]) for side in (-1, 1))
    return round(float(torch.tensor((low + high) / 2).exp()), 4)


def judge(test: Predictions, *, temperature: float, classes: Sequence[str]) -> dict[str, Any]:
    """Return evaluation.json: scores of the test split, as it is and at the temperature."""
    from torchmetrics.functional import classification as scores  # takes 1.3 s: after the training only

    logits, labels, count = test.logits, test.labels, len(classes)
    images = torch.bincount(labels, minlength=count)
    recall = scores.multiclass_recall(logits, labels, count, average="none")

    def calibration(scale: float) -> tuple[float, float]:
        scaled = logits / scale
        error = scores.multiclass_calibration_error(scaled.softmax(1), labels, count, n_bins=BINS)
        return float(nn.functional.cross_entropy(scaled.double(), labels)), float(error)

    def accuracy(top: int) -> float:
        return float(scores.multiclass_accuracy(logits, labels, count, top_k=top, average="micro"))

    loss, error = calibration(1.0)
    calibrated_loss, calibrated_error = calibration(temperature)
    return {
        "split": "test",
        "images": len(labels),
        "loss": loss,
        "accuracy": accuracy(1),
        "top5_accuracy": accuracy(min(5, count)),
        "macro_f1": float(scores.multiclass_f1_score(logits, labels, count, average="macro")),
        "nll": loss,
        "ece": error,
        "temperature": temperature,
        "calibrated_nll": calibrated_loss,
        "calibrated_ece": calibrated_error,
        "classes": list(classes),
        "confusion_matrix": scores.multiclass_confusion_matrix(logits, labels, count).tolist(),
        "per_class_recall": [float(r) if n else None for r, n in zip(recall, images, strict=True)],
    }


def summary(evaluation: Mapping[str, Any], best: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics that the model card names."""
    return {
        "test_accuracy": evaluation["accuracy"],
        "test_loss": evaluation["loss"],
        "test_top5_accuracy": evaluation["top5_accuracy"],
        "test_macro_f1": evaluation["macro_f1"],
        "test_ece": evaluation["ece"],
        "valid_accuracy": best["valid_accuracy"],
        "valid_loss": best["valid_loss"],
    }
