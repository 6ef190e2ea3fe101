"""Turn a process's images into the model's inputs, ahead of the step that needs them.

Threads decode straight from the shards: reading, decoding and scaling all run without the interpreter's lock,
so two threads do twice the work of one, and a batch need not be copied from one process to another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from imgclf.errors import DataError, ImageError
from imgclf.images.data import Split
from imgclf.images.scaling import Pixels, scale_by_torch
from imgclf.presets import Draw, Preset

Indices = npt.NDArray[np.int64]

CACHE_BYTES = 512 * 2**20
"""Decoded images of one split that are kept in memory; a larger split is decoded anew in each epoch."""
AHEAD = 2
"""Batches that are decoded while a step computes."""
CHUNK = 4
"""Images that a thread takes at a time."""


class Inputs(Protocol):
    """Where a training or evaluation loop gets its batches from."""

    split: Split

    def batches(
        self, steps: Sequence[Indices], *, variation: Variation | None = None
    ) -> Iterator[torch.Tensor]:
        """Yield the input of each step, on the device; an empty step gives an empty tensor."""
        ...


class Variation:
    """How one epoch varies its images: a function of seed, epoch and position only.

    A preset with a random crop varies the image file itself, at its full resolution; any other one shifts
    what is decoded already.
    """

    def __init__(self, preset: Preset, *, total: int, seed: int, epoch: int) -> None:
        """Draw for all positions of the split, so that it does not matter which process owns which."""
        self.seed, self.epoch = seed, epoch
        self._preset = preset
        rng = np.random.default_rng([seed, epoch, 1])
        self._corner = rng.integers(0, 2 * preset.max_shift, size=(total, 2), endpoint=True)
        self._draws = rng.random((total if preset.crop_area else 0, 5), dtype=np.float32)

    @property
    def on_files(self) -> bool:
        """Tell whether images are varied while they are decoded."""
        return self._preset.crop_area is not None

    def draw(self, position: int) -> Draw:
        """Return the random numbers of one image's crop."""
        area, aspect, left, top, flip = self._draws[position].tolist()
        return Draw(area=area, aspect=aspect, left=left, top=top, flip=self._preset.flip and flip < 0.5)

    def shift(self, images: torch.Tensor, positions: Indices) -> torch.Tensor:
        """Shift each image of (B, 3, S, S) by a few pixels, its edge repeated."""
        side, padding = images.shape[2], [self._preset.max_shift] * 4
        padded = nn.functional.pad(images, padding, mode="replicate").permute(0, 2, 3, 1)
        corner = torch.from_numpy(self._corner[positions]).to(images.device)
        steps = torch.arange(side, device=images.device)
        rows, columns = corner[:, :1] + steps, corner[:, 1:] + steps
        batch = torch.arange(len(images), device=images.device)[:, None, None]
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
        for batch in self._decoded(steps, variation):
            yield self._finish(batch, variation)

    def pixels(self, steps: Sequence[Indices]) -> Iterator[Pixels]:
        """Yield (B, 3, S, S) uint8, as a server's graph takes them; raise DataError as `batches` does."""
        for batch in self._decoded(steps, None):
            yield batch.array

    def close(self) -> None:
        """Stop the decoding threads and forget the cache."""
        self._pool.shutdown(cancel_futures=True)
        self._cache = None

    def _decoded(self, steps: Sequence[Indices], variation: Variation | None) -> Iterator[_Batch]:
        """Yield each step's batch when all of it is decoded."""
        started: deque[_Batch] = deque()
        try:
            for indices in steps:
                started.append(self._start(indices, variation))
                if len(started) > AHEAD:
                    yield started.popleft().wait()
            while started:
                yield started.popleft().wait()
        finally:
            for batch in started:
                batch.cancel()

    def _start(self, indices: Indices, variation: Variation | None) -> _Batch:
        """Copy what the cache has, and begin to decode the rest."""
        side, is_pinned = self._preset.image_size, self._device.type == "cuda"
        pixels = torch.empty((len(indices), 3, side, side), dtype=torch.uint8, pin_memory=is_pinned)
        batch = _Batch(indices=indices, pixels=pixels, array=pixels.numpy(), futures=[])
        crops = variation if variation is not None and variation.on_files else None
        missing = np.arange(len(indices))
        if self._cache is not None and crops is None:
            cached = self._cached[indices]
            batch.array[cached] = self._cache[indices[cached]]
            missing = np.flatnonzero(~cached)
        for start in range(0, len(missing), CHUNK):
            places = missing[start : start + CHUNK].tolist()
            batch.futures.append(self._pool.submit(self._decode, batch, places, crops))
        return batch

    def _decode(self, batch: _Batch, places: list[int], crops: Variation | None) -> None:
        """Decode some images into their places of the batch, and into the cache unless they are varied."""
        for place in places:
            index = int(batch.indices[place])
            pixels = batch.array[place] = self._read(index, crops)
            if self._cache is not None and crops is None:
                self._cache[index] = pixels
                self._cached[index] = True

    def _read(self, index: int, crops: Variation | None) -> Pixels:
        """Read and decode one image; name it when that fails."""
        data = self.split.members[index].read()
        try:
            if crops is None:
                return self._preset.to_pixels(data, scale=scale_by_torch)
            return self._preset.to_varied_pixels(data, crops.draw(int(self.split.positions[index])))
        except ImageError as error:
            raise DataError(
                f"{self.split.image_id(index)}: {error}; replace or remove it, and stage again"
            ) from error

    def _finish(self, batch: _Batch, variation: Variation | None) -> torch.Tensor:
        """Normalise a batch, and vary what was not varied yet."""
        images = self._preset.normalise(batch.pixels.to(self._device, non_blocking=True))
        if variation is None or variation.on_files:
            return images
        return variation.shift(images, self.split.positions[batch.indices])


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """A batch that is being decoded."""

    indices: Indices
    pixels: torch.Tensor  # (B, 3, S, S) uint8, in memory that a GPU can copy from
    array: Pixels
    """The same memory, for the decoding threads."""
    futures: list[Future[None]]

    def wait(self) -> _Batch:
        """Return this batch when it is decoded."""
        for future in self.futures:
            future.result()
        return self

    def cancel(self) -> None:
        """Leave out what no thread has begun."""
        for future in self.futures:
            future.cancel()
