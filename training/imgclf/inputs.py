"""Turn a process's images into the model's inputs, ahead of the step that needs them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from imgclf.data import Split
from imgclf.errors import DataError, ImageError
from imgclf.presets import Preset

logger = logging.getLogger(__name__)

Indices = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]

CACHE_BYTES = 512 * 2**20
"""Decoded images of one split that are kept in memory; a larger split is decoded anew in each epoch."""
AHEAD = 2
"""Batches that are decoded while a step computes."""
FEATURE_BATCH = 32
"""Images per forward pass of a frozen backbone."""


class Inputs(Protocol):
    """Where a training or evaluation loop gets its batches from."""

    split: Split

    def batches(
        self, steps: Sequence[Indices], *, variation: Variation | None = None
    ) -> Iterator[torch.Tensor]:
        """Yield the input of each step, on the device; an empty step gives an empty tensor."""
        ...


class Variation:
    """The random shifts and flips of one epoch: a function of seed, epoch and position only."""

    def __init__(self, preset: Preset, *, total: int, seed: int, epoch: int) -> None:
        """Draw for all positions of the split, so that it does not matter which process owns which."""
        self.seed, self.epoch = seed, epoch
        rng = np.random.default_rng([seed, epoch, 1])
        self._shift = preset.max_shift
        self._corner = rng.integers(0, 2 * preset.max_shift, size=(total, 2), endpoint=True)
        self._flip = rng.random(total) < 0.5 if preset.flip else np.zeros(total, dtype=bool)

    def apply(self, images: torch.Tensor, positions: Indices) -> torch.Tensor:
        """Shift each image of (B, 3, S, S) by a few pixels, its edge repeated, and mirror some."""
        count, _, _, side = images.shape
        padded = nn.functional.pad(images, [self._shift] * 4, mode="replicate").permute(0, 2, 3, 1)
        corner = torch.from_numpy(self._corner[positions]).to(images.device)
        flip = torch.from_numpy(self._flip[positions]).to(images.device)
        steps = torch.arange(side, device=images.device)
        rows = corner[:, :1] + steps
        columns = corner[:, 1:] + torch.where(flip[:, None], steps.flip(0), steps)
        batch = torch.arange(count, device=images.device)[:, None, None]
        return padded[batch, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()


class PixelInputs:
    """Decode image files in threads; keep the decoded images of a small split."""

    def __init__(self, split: Split, preset: Preset, *, device: torch.device, threads: int) -> None:
        """Prepare for the split; nothing is decoded yet."""
        self.split = split
        self._preset = preset
        self._device = device
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"decode-{split.name}")
        shape = (len(split.members), 3, preset.image_size, preset.image_size)
        self._cache: Pixels | None = np.empty(shape, np.uint8) if np.prod(shape) <= CACHE_BYTES else None
        self._cached = np.zeros(len(split.members), dtype=bool)

    def batches(
        self, steps: Sequence[Indices], *, variation: Variation | None = None
    ) -> Iterator[torch.Tensor]:
        """Yield (B, 3, S, S) float32, normalised and varied; raise DataError naming an unreadable image."""
        started: deque[tuple[Indices, dict[int, Future[Pixels]]]] = deque()
        for indices in [*steps, *[None] * AHEAD]:
            if indices is not None:
                started.append((indices, self._start(indices)))
            if len(started) > AHEAD or (indices is None and started):
                yield self._finish(*started.popleft(), variation)

    def close(self) -> None:
        """Stop the decoding threads and forget the cache."""
        self._pool.shutdown(cancel_futures=True)
        self._cache = None

    def _start(self, indices: Indices) -> dict[int, Future[Pixels]]:
        """Begin to decode the images that are not in the cache."""
        missing = indices if self._cache is None else indices[~self._cached[indices]]
        return {int(index): self._pool.submit(self._decode, int(index)) for index in missing}

    def _decode(self, index: int) -> Pixels:
        """Read and decode one image; name it when that fails."""
        try:
            return self._preset.to_pixels(self.split.members[index].read())
        except ImageError as error:
            raise DataError(
                f"{self.split.image_id(index)}: {error}; replace or remove it, and stage again"
            ) from error

    def _finish(
        self, indices: Indices, futures: dict[int, Future[Pixels]], variation: Variation | None
    ) -> torch.Tensor:
        """Collect a batch, normalise it, and vary it."""
        side = self._preset.image_size
        pixels = np.empty((len(indices), 3, side, side), np.uint8)
        for place, index in enumerate(indices.tolist()):
            if index in futures:
                pixels[place] = futures[index].result()
            elif self._cache is not None:
                pixels[place] = self._cache[index]
        if self._cache is not None:
            self._cache[indices] = pixels
            self._cached[indices] = True
        images = self._preset.normalise(torch.from_numpy(pixels).to(self._device, non_blocking=True))
        return images if variation is None else variation.apply(images, self.split.positions[indices])


class FeatureInputs:
    """Hold what a frozen backbone makes of each image: it is computed once, not in each epoch."""

    def __init__(self, split: Split, features: torch.Tensor) -> None:
        """Take the features (owned, F) of the split's images."""
        self.split = split
        self._features = features

    def batches(
        self, steps: Sequence[Indices], *, variation: Variation | None = None
    ) -> Iterator[torch.Tensor]:
        """Yield (B, F) float32; a frozen backbone sees each image as it is, never varied."""
        for indices in steps:
            yield self._features[torch.from_numpy(indices)]

    def close(self) -> None:
        """Free nothing: the features go with the object."""


@torch.inference_mode()
def compute_features(backbone: nn.Module, inputs: PixelInputs, *, device: torch.device) -> FeatureInputs:
    """Run a frozen backbone once over all of this process's images of a split."""
    count = len(inputs.split.members)
    steps = [np.arange(start, min(start + FEATURE_BATCH, count)) for start in range(0, count, FEATURE_BATCH)]
    parts = []
    for step, images in enumerate(inputs.batches(steps), start=1):
        parts.append(backbone(images))
        if step % 20 == 0:
            logger.info("features of %s: %s of %s images", inputs.split.name, step * FEATURE_BATCH, count)
    inputs.close()
    features = torch.cat(parts) if parts else torch.empty(0, 1, device=device)
    return FeatureInputs(inputs.split, features.clone())
