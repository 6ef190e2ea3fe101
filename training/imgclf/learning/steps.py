"""Take the steps of a fit: forward and backward for each part, gradients' sum, one move of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import nn

from imgclf.images.inputs import Indices
from imgclf.learning.gradients import GradientSum
from imgclf.learning.recipe import balanced_weights, dtype_of
from imgclf.learning.running_statistics import RunningStatistics
from imgclf.learning.state import Fit, FitState

Part = tuple[torch.Tensor, torch.Tensor]
"""Images (B, ...) and labels (B,) that are computed, and normalised, together."""


class Stepper:
    """Take one step after the other; use it as the context of all of a fit's steps."""

    def __init__(self, fit: Fit, state: FitState) -> None:
        """Weigh the classes and count the steps."""
        self.fit, self.state = fit, state
        self._gradients = GradientSum(fit.model.parameters(), fit.world)
        self._statistics = RunningStatistics(fit.model, fit.world)
        self._class_weights = _class_weights(fit)
        self._steps_per_epoch = math.ceil(fit.inputs["train"].split.total / fit.recipe.batch_size)

    def __enter__(self) -> Stepper:
        """Begin."""
        self._statistics.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the model as any other one."""
        self._statistics.close()
        self._gradients.close()

    def labelled_parts(self, shares: Sequence[Sequence[Indices]]) -> Iterator[Part]:
        """Yield images and labels of each part of these steps."""
        fit, state = self.fit, self.state
        inputs, parts = fit.inputs["train"], [part for share in shares for part in share]
        batches = inputs.batches(parts, variation=fit.vary(state.epoch))
        for indices, images in zip(parts, batches, strict=True):
            yield images, torch.from_numpy(inputs.split.labels[indices]).to(fit.world.device)

    def take_step(self, share: Iterator[Part], *, parts: int, batch_images: int) -> torch.Tensor:
        """Take one step; return this process's part of the batch's mean loss.

        Each part's summed loss is divided by the number of images of the whole batch, so that the sum of
        all gradients, over parts and processes, is the gradient of the batch's mean loss.
        """
        state = self.state
        state.optimizer.zero_grad()
        total = torch.zeros((), device=self.fit.world.device)
        for number, (images, labels) in enumerate(share, start=1):
            if number == parts:
                self._gradients.start_last_part()
            loss = self._summed_loss(images, labels) / batch_images
            state.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            self._statistics.add_part(len(labels) / batch_images)
            total += loss.detach()
        self._gradients.finish()
        self._statistics.finish_step()
        self._step_optimizer()
        return total

    def _summed_loss(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the sum of the images' losses."""
        fit, dtype = self.fit, dtype_of(self.fit.recipe.precision)
        with torch.autocast(fit.world.device.type, dtype=dtype, enabled=dtype != torch.float32):
            logits = fit.model(images)
        return nn.functional.cross_entropy(
            logits.float(),
            labels,
            weight=self._class_weights,
            label_smoothing=fit.recipe.label_smoothing,
            reduction="sum",
        )

    def _step_optimizer(self) -> None:
        """Let the optimizer move the weights at the step's learning rate."""
        state = self.state
        step = (state.epoch - 1) * self._steps_per_epoch + state.step
        rate = self.fit.recipe.rate(step, steps_per_epoch=self._steps_per_epoch)
        if not state.scaler.is_enabled():
            state.optimizer.step(learning_rate=rate)
            return
        state.scaler.step(state.optimizer, learning_rate=rate)  # type: ignore[arg-type]
        state.scaler.update()


def _class_weights(fit: Fit) -> torch.Tensor | None:
    """Return the weight of each class in the loss, or None where all count the same."""
    if fit.recipe.class_weights == "none":
        return None
    split = fit.inputs["train"].split
    counts = torch.bincount(torch.from_numpy(split.labels), minlength=fit.classes)
    return balanced_weights(counts if split.is_replicated else fit.world.sum(counts)).to(fit.world.device)
