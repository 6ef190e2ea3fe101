"""Fit a model: the one training loop of train.py and of search.py's trials.

    result = fit(model, inputs, recipe, world, classes=133)

`model` is whatever learns: a whole classifier on images, or a head on a frozen backbone's features.
At the end it holds the weights of its best epoch. Steps and losses are the same for any number of
processes, and a fit that is continued from a checkpoint ends as one that was never interrupted.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from imgclf.distributed import World, distribute
from imgclf.errors import DivergedError
from imgclf.images.inputs import Indices, Inputs, Variation
from imgclf.learning.metrics import Counter, Evaluation, metric_line
from imgclf.learning.optimizer import AdamW
from imgclf.learning.progress import Progress
from imgclf.learning.recipe import Recipe, balanced_weights, dtype_of, resolve_precision
from imgclf.learning.sampling import epoch_steps, owned_indices

logger = logging.getLogger(__name__)

EVALUATION_BATCH = 128
GPU_CHECK_STEPS = 20
"""Steps between two looks at the losses on a GPU, which each look makes wait; on a CPU it is 1."""

Vary = Callable[[int], Variation | None]
"""Return the random variation of an epoch's training images."""


@dataclass
class FitState:
    """The moving parts of a fit: all that a checkpoint must hold."""

    model: nn.Module
    optimizer: AdamW
    scaler: torch.amp.GradScaler
    """Keeps fp16 gradients in range; switched off for other precisions."""
    epoch: int = 1
    """The epoch in progress, from 1."""
    step: int = 0
    """Steps of it that are done."""
    losses: list[float] = field(default_factory=list)
    """Mean loss of each of these steps' whole batches."""
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = math.inf
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def waited_epochs(self) -> int:
        """Return the number of epochs since the best one."""
        return self.epoch - 1 - self.best_epoch


class Keeper(Protocol):
    """Who keeps checkpoints; see checkpoint.py."""

    def restore(self, state: FitState, world: World) -> None:
        """Put the last checkpoint into the state, where there is one."""
        ...

    def requests(self) -> tuple[bool, bool]:
        """Tell whether this process is asked to stop, and whether a checkpoint is due."""
        ...

    def save(self, state: FitState, world: World) -> None:
        """Write a checkpoint; called by all processes at the same step."""
        ...

    def stop(self, state: FitState) -> None:
        """Raise StoppedError, after the checkpoint that a stop asked for."""
        ...


@dataclass(frozen=True)
class FitResult:
    """What came out of a fit; the model holds the best epoch's weights."""

    history: list[dict[str, Any]]
    """One entry for each epoch: epoch, train_loss, valid_loss, valid_accuracy, step_losses, seconds
    (validation included) and train_seconds."""
    best_epoch: int
    stopped_early: bool
    trained_on: npt.NDArray[np.int64]
    """Indices of this process's training images that took part."""

    @property
    def best(self) -> dict[str, Any]:
        """Return the best epoch's entry."""
        return self.history[self.best_epoch - 1]


def fit(
    model: nn.Module,
    inputs: Mapping[str, Inputs],
    recipe: Recipe,
    world: World,
    *,
    classes: int,
    vary: Vary = lambda epoch: None,
    on_epoch: Callable[[dict[str, Any]], bool | None] | None = None,
    keeper: Keeper | None = None,
) -> FitResult:
    """Train on inputs["train"], epoch by epoch; keep what does best on inputs["valid"].

    `on_epoch` gets each epoch's entry of the history, on every process; where it returns True (on all of
    them) the fit ends. Raises DivergedError, naming step or epoch, when a loss is no number any more.
    """
    recipe = replace(recipe, precision=resolve_precision(recipe.precision, world.device))
    optimizer = AdamW(model.named_parameters(), weight_decay=recipe.weight_decay)
    scaler = torch.amp.GradScaler(world.device.type, enabled=recipe.precision == "fp16")
    state = FitState(model, optimizer, scaler)
    if keeper:
        keeper.restore(state, world)
    loop = _Loop(state, inputs, recipe, world, classes, vary, keeper)
    ended = False
    while not ended and state.epoch <= recipe.epochs and not 0 < recipe.patience <= state.waited_epochs:
        entry = loop.run_epoch()
        ended = bool(on_epoch and on_epoch(entry))
        if keeper:
            keeper.save(state, world)
    model.load_state_dict(state.best_weights)
    stopped_early = len(state.history) < recipe.epochs
    return FitResult(state.history, state.best_epoch, stopped_early, np.flatnonzero(loop.seen))


class _Loop:
    """One fit's fixed parts, and how it takes epochs and steps."""

    def __init__(
        self,
        state: FitState,
        inputs: Mapping[str, Inputs],
        recipe: Recipe,
        world: World,
        classes: int,
        vary: Vary,
        keeper: Keeper | None,
    ) -> None:
        """Wrap the model for its processes and weigh the classes."""
        self.state, self.inputs, self.recipe, self.world = state, inputs, recipe, world
        self.classes, self.vary, self.keeper = classes, vary, keeper
        self.network = distribute(state.model, world)
        self.weights = self._class_weights()
        self.seen = np.full(len(inputs["train"].split.positions), state.epoch > 1)
        self.steps_per_epoch = math.ceil(inputs["train"].split.total / recipe.batch_size)

    def run_epoch(self) -> dict[str, Any]:
        """Take the epoch's remaining steps, score the validation split, and add the epoch to the history."""
        started, state = time.monotonic(), self.state
        self._train_one_epoch()
        train_seconds = time.monotonic() - started
        valid = evaluate(self.state.model, self.inputs["valid"], self.world, classes=self.classes)
        if not math.isfinite(valid.loss):
            raise DivergedError(
                f"the validation loss is {valid.loss} after epoch {state.epoch}: "
                f"lower learning_rate {self.recipe.learning_rate}"
            )
        if valid.loss < state.best_loss or not state.best_epoch:
            state.best_epoch, state.best_loss = state.epoch, valid.loss
            state.best_weights = {name: value.clone() for name, value in state.model.state_dict().items()}
        entry = _entry(state, valid, seconds=time.monotonic() - started, train_seconds=train_seconds)
        if self.world.is_main:
            line = metric_line(**{n: entry[n] for n in ("train_loss", "valid_loss", "valid_accuracy")})
            logger.info("epoch %s: %s (%.1f s)", state.epoch, line, entry["seconds"])
        state.history.append(entry)
        state.epoch, state.step, state.losses = state.epoch + 1, 0, []
        return entry

    def _train_one_epoch(self) -> None:
        """Take each step of the epoch that is not yet done."""
        state, recipe, split = self.state, self.recipe, self.inputs["train"].split
        batches = epoch_steps(
            total=split.total, batch_size=recipe.batch_size, seed=recipe.seed, epoch=state.epoch
        )
        owned = owned_indices(batches, positions=split.positions, total=split.total)
        for indices in owned[: state.step]:  # before an interruption
            self.seen[indices] = True
        owned = owned[state.step :]
        sizes = [len(batch) for batch in batches]
        progress = Progress(self.world, epoch=state.epoch, sizes=sizes, done=state.step)
        self.network.train()
        recent: list[torch.Tensor] = []
        check_steps = GPU_CHECK_STEPS if self.world.device.type == "cuda" else 1
        for indices, images in zip(
            owned, self.inputs["train"].batches(owned, variation=self.vary(state.epoch)), strict=True
        ):
            labels = torch.from_numpy(split.labels[indices]).to(self.world.device)
            self.seen[indices] = True
            recent.append(self._step(images, labels, batch_images=sizes[state.step]))
            state.step += 1
            if state.step % check_steps == 0 or state.step == len(batches):
                self._agree(recent, last=state.step == len(batches))
                recent.clear()
                progress.report(state.step, state.losses[-1])

    def _step(self, images: torch.Tensor, labels: torch.Tensor, *, batch_images: int) -> torch.Tensor:
        """Take one step; return this process's part of the batch's mean loss.

        DistributedDataParallel averages gradients over processes, whatever their share of the batch. So
        each one's summed loss is divided by a fair share, batch / processes: the average is then the
        gradient of the mean over the whole batch.
        """
        state, share = self.state, batch_images / self.world.size
        state.optimizer.zero_grad()
        parts = self.recipe.accumulate  # on every process, whatever its share of the batch
        total = torch.zeros((), device=self.world.device)
        for number, (inputs, truth) in enumerate(
            zip(images.tensor_split(parts), labels.tensor_split(parts), strict=True), start=1
        ):
            with self._unsynchronised(number < parts):
                loss = self._summed_loss(inputs, truth)
                state.scaler.scale(loss / share).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        self._move()
        return total / batch_images

    def _move(self) -> None:
        """Let the optimizer move the weights at the step's learning rate."""
        state = self.state
        step = (state.epoch - 1) * self.steps_per_epoch + state.step
        rate = self.recipe.rate(step, steps_per_epoch=self.steps_per_epoch)
        if not state.scaler.is_enabled():
            state.optimizer.step(learning_rate=rate)
            return
        state.scaler.step(state.optimizer, learning_rate=rate)  # type: ignore[arg-type]
        state.scaler.update()

    def _summed_loss(self, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the sum of the images' losses; without images a zero that still has gradients (of zero)."""
        dtype = dtype_of(self.recipe.precision)
        with torch.autocast(self.world.device.type, dtype=dtype, enabled=dtype != torch.float32):
            logits = self.network(inputs)
        return nn.functional.cross_entropy(
            logits.float(),
            labels,
            weight=self.weights,
            label_smoothing=self.recipe.label_smoothing,
            reduction="sum",
        )

    def _unsynchronised(self, wanted: bool) -> AbstractContextManager[None]:
        """Keep the processes from averaging gradients before the last part of a batch."""
        if wanted and isinstance(self.network, nn.parallel.DistributedDataParallel):
            context: AbstractContextManager[None] = self.network.no_sync()
            return context
        return nullcontext()

    def _agree(self, recent: list[torch.Tensor], *, last: bool) -> None:
        """Sum the losses of the last steps over all processes, and do together what one was asked for."""
        state = self.state
        stop, due = self.keeper.requests() if self.keeper else (False, False)
        numbers = torch.stack(recent).double()
        flags = torch.tensor([stop, due], dtype=torch.float64, device=numbers.device)
        *losses, stops, dues = self.world.sum(torch.cat([numbers, flags])).tolist()
        _check_finite(losses, state, self.recipe)
        state.losses.extend(losses)
        if self.keeper and (stops or (dues and not last)):
            self.keeper.save(state, self.world)
        if self.keeper and stops:
            self.keeper.stop(state)

    def _class_weights(self) -> torch.Tensor | None:
        """Return the weight of each class in the loss, or None where all count the same."""
        if self.recipe.class_weights == "none":
            return None
        labels = torch.from_numpy(self.inputs["train"].split.labels)
        counts = self.world.sum(torch.bincount(labels, minlength=self.classes))
        return balanced_weights(counts).to(self.world.device)


def _check_finite(losses: list[float], state: FitState, recipe: Recipe) -> None:
    """Stop a fit whose loss is no number any more: it would only burn money."""
    for step, loss in enumerate(losses, start=state.step - len(losses) + 1):
        if not math.isfinite(loss):
            raise DivergedError(
                f"the loss is {loss} at step {step} of epoch {state.epoch}: "
                f"lower learning_rate {recipe.learning_rate}"
            )


def _entry(state: FitState, valid: Evaluation, *, seconds: float, train_seconds: float) -> dict[str, Any]:
    """Return one epoch's entry of the history."""
    return {
        "epoch": state.epoch,
        "train_loss": sum(state.losses) / len(state.losses),
        "valid_loss": valid.loss,
        "valid_accuracy": valid.accuracy,
        "step_losses": state.losses,
        "seconds": round(seconds, 3),
        "train_seconds": round(train_seconds, 3),
    }


@torch.inference_mode()
def evaluate(model: nn.Module, inputs: Inputs, world: World, *, classes: int) -> Evaluation:
    """Score a split: each process its own images, summed over all."""
    counter = Counter(classes, world.device)
    for logits, labels in predict(model, inputs, world):
        counter.add(logits, labels)
    return counter.evaluation(world)


def predict(model: nn.Module, inputs: Inputs, world: World) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield the logits (B, classes) and labels (B,) of this process's images of a split."""
    model.eval()
    owned = np.arange(len(inputs.split.positions))
    steps: list[Indices] = [
        owned[start : start + EVALUATION_BATCH] for start in range(0, len(owned), EVALUATION_BATCH)
    ]
    for indices, images in zip(steps, inputs.batches(steps), strict=True):
        yield model(images), torch.from_numpy(inputs.split.labels[indices]).to(world.device)
