"""Count what a model gets right, and write the metric lines that SageMaker's regexes read.

The lines are written here and read by `metric_definitions.json`; a test checks one against the other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from imgclf.distributed import World

DEFINITIONS_FILE = Path(__file__).resolve().parents[2] / "metric_definitions.json"


@dataclass(frozen=True)
class Evaluation:
    """How a model does on one split."""

    images: int
    loss: float
    """Mean cross entropy in nats."""
    accuracy: float
    top5_accuracy: float
    confusion_matrix: list[list[int]]
    """Row: true class; column: predicted class."""

    @property
    def per_class_recall(self) -> list[float | None]:
        """Share of each class's images that were recognised; None for a class without images."""
        rows = enumerate(self.confusion_matrix)
        return [row[index] / sum(row) if sum(row) else None for index, row in rows]


class Counter:
    """Add up losses and hits of batches, then over all processes."""

    def __init__(self, classes: int, device: torch.device) -> None:
        """Start at zero."""
        self._classes = classes
        self._sums = torch.zeros(3, dtype=torch.float64, device=device)  # loss, hits, top-5 hits
        self._confusion = torch.zeros(classes * classes, dtype=torch.int64, device=device)

    def add(self, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Count a batch: logits (B, classes), labels (B,)."""
        if not len(labels):
            return
        loss = nn.functional.cross_entropy(logits, labels, reduction="sum")
        top = logits.topk(min(5, self._classes), dim=1).indices
        hits = top == labels[:, None]
        self._sums += torch.stack([loss.double(), hits[:, 0].sum().double(), hits.sum().double()])
        self._confusion += torch.bincount(labels * self._classes + top[:, 0], minlength=self._classes**2)

    def evaluation(self, world: World) -> Evaluation:
        """Sum over all processes; the split must not be empty."""
        loss, hits, top5 = world.sum(self._sums).tolist()
        confusion = world.sum(self._confusion).view(self._classes, self._classes)
        images = int(confusion.sum())
        return Evaluation(images, loss / images, hits / images, top5 / images, confusion.tolist())


def metric_line(**values: float) -> str:
    """Format metrics as `train:loss=0.123456 valid:accuracy=0.980000` from train_loss=, valid_accuracy=."""
    return " ".join(f"{name.replace('_', ':', 1)}={value:.6f}" for name, value in values.items())


def metric_definitions() -> list[dict[str, str]]:
    """Return the job's MetricDefinitions: Name and Regex of each metric."""
    definitions: list[dict[str, str]] = json.loads(DEFINITIONS_FILE.read_text())
    return definitions
