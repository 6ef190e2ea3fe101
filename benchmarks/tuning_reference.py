"""The usual tuning recipe in torchvision: each epoch of each trial sends every photo through the backbone.

It runs two whole epochs of the first trial so, and times them. Photos are prepared as torchvision's
documentation advises for speed: transforms.v2 on uint8 tensors. Its older transforms, on Pillow images, round
one value of about 600 differently, which a random backbone magnifies until half of the answers change.

The frozen backbone's features of each photo are kept as they come by in the first epoch, and the second one
must see the same. The remaining epochs of all trials, of which only the answers are wanted, then train on
these eager float32 features.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import DataLoader, Sampler
from torchvision.datasets import ImageFolder
from torchvision.models import resnet50
from torchvision.transforms import v2

from imgclf.learning.sampling import epoch_steps

WORKERS = 2
EVALUATION_BATCH = 128
SAME_FEATURES = 1e-4
"""Largest difference between a photo's features in two epochs, as a share of the largest: rounding, as the
photo stands in another batch."""
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Images or features, labels, and places in the split."""


class IndexedFolder(ImageFolder):  # type: ignore[misc]  # torchvision has no types
    """An ImageFolder that also tells each photo's place in the split."""

    def __getitem__(self, index: int) -> tuple[Any, int, int]:
        """Return image, label and place."""
        image, label = super().__getitem__(index)
        return image, label, index


class Order(Sampler[list[int]]):
    """The batches of the current epoch, in the order that Musher's trials have too."""

    def __init__(self, total: int, *, seed: int) -> None:
        """Begin with epoch 1."""
        self._total, self._seed = total, seed
        self.epoch, self.batch_size = 1, 1

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the places of each batch."""
        for step in epoch_steps(
            total=self._total, batch_size=self.batch_size, seed=self._seed, epoch=self.epoch
        ):
            yield step.tolist()

    def __len__(self) -> int:
        return math.ceil(self._total / self.batch_size)


class Seen:
    """Each photo's features, as the frozen backbone made them in a whole epoch."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._features: dict[int, torch.Tensor] = {}
        self._labels: dict[int, int] = {}
        self.difference = 0.0
        """Largest difference met so far, as a share of the largest feature."""

    def note(self, features: torch.Tensor, labels: torch.Tensor, places: torch.Tensor) -> None:
        """Keep features that are new, compare those that are not."""
        for feature, label, place in zip(features, labels.tolist(), places.tolist(), strict=True):
            if place in self._features:
                known = self._features[place]
                self.difference = max(
                    self.difference, float((feature - known).abs().max() / known.abs().max())
                )
            self._features.setdefault(place, feature.clone())
            self._labels[place] = label

    def take(self, places: list[int]) -> Batch:
        """Return the features of these photos as a batch."""
        features = torch.stack([self._features[place] for place in places])
        return features, torch.tensor([self._labels[place] for place in places]), torch.tensor(places)

    def __len__(self) -> int:
        return len(self._features)


class Reference:
    """The data, the frozen backbone, and the first head that all trials start from."""

    def __init__(self, data: Path, backbone: Path, head: Path, *, image_size: int, seed: int) -> None:
        """Open the folders and load the weights."""
        resize = round(image_size * 232 / 224)  # as the preset of ResNet-50
        prepare = v2.Compose(
            [
                v2.PILToTensor(),
                v2.Resize(resize, antialias=True),
                v2.CenterCrop(image_size),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(MEAN, STD),
            ]
        )
        self._splits = {name: IndexedFolder(str(data / name), prepare) for name in ("train", "valid")}
        self.order = Order(len(self._splits["train"]), seed=seed)
        self._head = load_file(head)
        self._backbone = resnet50(weights=None)
        self._backbone.fc = nn.Identity()
        self._backbone.load_state_dict(load_file(backbone))
        self._backbone.requires_grad_(False).eval()
        self._loaders: dict[str, DataLoader[Any]] = {
            "train": DataLoader(
                self._splits["train"], batch_sampler=self.order, num_workers=WORKERS, persistent_workers=True
            ),
            "valid": DataLoader(
                self._splits["valid"],
                batch_size=EVALUATION_BATCH,
                num_workers=WORKERS,
                persistent_workers=True,
            ),
        }
        self.seen = {name: Seen() for name in self._splits}

    def first_head(self) -> nn.Module:
        """Return a new head with the first weights."""
        hidden, inputs = self._head["0.weight"].shape
        head = nn.Sequential(
            nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, len(self._head["2.bias"]))
        )
        head.load_state_dict(self._head)
        return head

    def from_photos(self, split: str) -> Iterator[Batch]:
        """Yield a split's features as the usual loop gets them: photo by photo, through the backbone."""
        for images, labels, places in self._loaders[split]:
            with torch.no_grad():
                features = self._backbone(images)
            self.seen[split].note(features, labels, places)
            yield features, labels, places

    def from_memory(self, split: str) -> Iterator[Batch]:
        """Yield the same features without the work."""
        total = len(self.seen[split])
        if split == "train":
            steps = list(self.order)
        else:
            places = list(range(total))
            steps = [places[start : start + EVALUATION_BATCH] for start in range(0, total, EVALUATION_BATCH)]
        return (self.seen[split].take(step) for step in steps)


Source = Callable[[int, str], Iterator[Batch]]
"""Give the batches of an epoch's split."""


def learning_rate(highest: float, *, step: int, steps: int) -> float:
    """Return the rate of a step: a linear rise over a tenth of all steps, then half a cosine."""
    warm_up = max(1, round(0.1 * steps))
    if step < warm_up:
        return highest * (step + 1) / warm_up
    return highest * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def train_trial(
    reference: Reference,
    trial: dict[str, Any],
    *,
    epochs: int,
    source: Source,
    after_epoch: Callable[[int], None] = lambda epoch: None,
) -> dict[str, Any]:
    """Train a head as the usual loop does.

    Returns its lowest validation loss, that epoch's answers, and the seconds of each epoch.
    """
    head, order = reference.first_head(), reference.order
    optimizer = torch.optim.AdamW(head.parameters(), lr=trial["learning_rate"], weight_decay=1e-4, eps=1e-6)
    order.batch_size = trial["batch_size"]
    best: dict[str, Any] = {"valid_loss": math.inf}
    seconds = []
    for epoch in range(1, epochs + 1):
        started, order.epoch = time.perf_counter(), epoch
        train_epoch(head, optimizer, source(epoch, "train"), trial, epoch=epoch, epochs=epochs, order=order)
        valid = validate(head, source(epoch, "valid"))
        seconds.append(time.perf_counter() - started)
        best = min(best, valid, key=lambda found: found["valid_loss"])
        after_epoch(epoch)
    return {**best, "seconds": seconds}


def train_epoch(
    head: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Iterator[Batch],
    trial: dict[str, Any],
    *,
    epoch: int,
    epochs: int,
    order: Order,
) -> None:
    """Take each step of an epoch."""
    head.train()
    for place, (features, labels, _) in enumerate(batches):
        step = (epoch - 1) * len(order) + place
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(trial["learning_rate"], step=step, steps=epochs * len(order))
        optimizer.zero_grad()
        nn.functional.cross_entropy(head(features), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


@torch.no_grad()
def validate(head: nn.Module, batches: Iterator[Batch]) -> dict[str, Any]:
    """Return the loss per image and each image's predicted class, in the order of the folder."""
    head.eval()
    loss, answers = 0.0, list[int]()
    for features, labels, _ in batches:
        logits = head(features)
        loss += float(nn.functional.cross_entropy(logits, labels, reduction="sum"))
        answers += logits.argmax(dim=1).tolist()
    return {"valid_loss": loss / len(answers), "answers": answers}


def run_reference(
    reference: Reference,
    trials: list[dict[str, Any]],
    *,
    epochs: int,
    whole_epochs: int,
    after_epoch: Callable[[int], None],
) -> dict[str, Any]:
    """Run the first `whole_epochs` of the first trial on photos, all else on the features they gave.

    `after_epoch` is called at the end of each epoch of the first trial.
    """

    def source(epoch: int, split: str) -> Iterator[Batch]:
        return reference.from_photos(split) if epoch <= whole_epochs else reference.from_memory(split)

    first = train_trial(reference, trials[0], epochs=epochs, source=source, after_epoch=after_epoch)
    difference = max(seen.difference for seen in reference.seen.values())
    assert difference <= SAME_FEATURES, f"the features of two epochs differ by {difference}"
    others = [
        train_trial(reference, trial, epochs=epochs, source=lambda _, split: reference.from_memory(split))
        for trial in trials[1:]
    ]
    found = [{name: trial[name] for name in ("valid_loss", "answers")} for trial in (first, *others)]
    return {"epoch_s": first["seconds"][:whole_epochs], "feature_difference": difference, "trials": found}
