"""Compute features: one pass of a frozen backbone over the images that this process owns."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from imgclf.distributed import World
from imgclf.features.engines import MEASURED_IMAGES, Choice, build_engine, choose_engine
from imgclf.features.store import (
    FeatureInputs,
    FeatureSource,
    FeatureWriter,
    describe_features,
    write_features,
)
from imgclf.images.data import Dataset
from imgclf.images.inputs import PixelInputs, Variation
from imgclf.presets import Preset

logger = logging.getLogger(__name__)

AUTO = "auto"
BATCH = {"cpu": 16, "cuda": 256}
"""Images of one forward pass: on a CPU more are no faster, and cost memory."""
VIEW_SEED = 0
"""Seed of the fixed views: they depend on an image's position and the view's number only."""
PROGRESS_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Pass:
    """What a pass works with."""

    backbone: nn.Module
    preset: Preset
    pixels: Mapping[str, PixelInputs]
    world: World
    views: int = 1
    """Views of each training image: 1 is the image as it is, others are fixed variations of it."""
    engine: str = AUTO

    def views_of(self, split: str) -> int:
        """Return the number of views of a split's images: only training images are varied."""
        return self.views if split == "train" else 1


@dataclass(frozen=True, kw_only=True)
class Block:
    """The features (B, views, F) float32 of some images, and their indices in the owned part of the split."""

    indices: np.ndarray[Any, np.dtype[np.int64]]
    features: torch.Tensor


@torch.no_grad()
def pick_engine(job: Pass) -> Choice:
    """Choose the engine of this pass on the main process; every process uses the same one."""
    device = job.world.device
    images = _first_images(job, MEASURED_IMAGES[device.type])
    remaining = sum(len(inputs.split.positions) * job.views_of(name) for name, inputs in job.pixels.items())
    chosen = None
    if job.world.is_main:
        if job.engine == AUTO:
            chosen = choose_engine(job.backbone, images, remaining=remaining)
        else:
            chosen = build_engine(job.engine, job.backbone, images)
    name = job.world.gather(chosen.name if chosen else None)[0]
    return chosen or build_engine(name, job.backbone, images)


def _first_images(job: Pass, count: int) -> torch.Tensor:
    """Return a few of this process's images (B, 3, S, S); none where it owns none."""
    inputs = max(job.pixels.values(), key=lambda inputs: len(inputs.split.positions))
    return next(inputs.batches([np.arange(min(count, len(inputs.split.positions)))]))


@torch.no_grad()
def run_split(job: Pass, choice: Choice, name: str) -> Iterator[Block]:
    """Yield the features of a split's images, in their order."""
    inputs, views, size = job.pixels[name], job.views_of(name), BATCH[job.world.device.type]
    split, count = inputs.split, len(inputs.split.positions)
    steps = [np.arange(start, min(start + size, count)) for start in range(0, count, size)]
    variations = [
        None,
        *(Variation(job.preset, total=split.total, seed=VIEW_SEED, epoch=view) for view in range(1, views)),
    ]
    streams = [inputs.batches(steps, variation=variation) for variation in variations]
    started = reported = time.monotonic()
    for indices, *images in zip(steps, *streams, strict=True):
        features = torch.stack([choice.run(view) for view in images], dim=1)
        yield Block(indices=indices, features=features)
        if time.monotonic() - reported > PROGRESS_S:
            reported, done = time.monotonic(), int(indices[-1]) + 1
            rate = done / (reported - started)
            logger.info(
                "features of %s: %s of %s images, %.1f images/s, %.0f s left",
                name,
                done,
                count,
                rate,
                (count - done) / rate,
            )
    inputs.close()


def embed(job: Pass, *, data: Dataset, source: FeatureSource, folder: Path) -> dict[str, Any]:
    """Write the features of all splits into a folder, each process its own shards; return features.json.

    The main process writes features.json when every process has written its shards.
    """
    choice, started = pick_engine(job), time.monotonic()
    shards, dim = {}, 0
    for name, inputs in job.pixels.items():
        writer = FeatureWriter(folder, split=name, rank=job.world.rank)
        for block in run_split(job, choice, name):
            labels, positions = (
                values[block.indices] for values in (inputs.split.labels, inputs.split.positions)
            )
            writer.add(block.features, labels=labels, positions=positions)
            dim = block.features.shape[2]
        shards[name] = writer.close()
    done = job.world.gather({"shards": shards, "dim": dim, "seconds": time.monotonic() - started})
    splits = {
        name: {
            "images": inputs.split.total,
            "views": job.views_of(name),
            "shards": [shard for part in done for shard in part["shards"][name]],
        }
        for name, inputs in job.pixels.items()
    }
    manifest = describe_features(
        source=source,
        data=data,
        views=job.views,
        dim=max(part["dim"] for part in done),
        engine=_describe_engine(job, choice, seconds=max(part["seconds"] for part in done)),
        splits=splits,
    )
    if job.world.is_main:
        write_features(folder, manifest)
        logger.info("features in %s: %s at %s images/s", folder, *list(manifest["engine"].values())[:2])
    return manifest


def compute_inputs(job: Pass) -> tuple[dict[str, FeatureInputs], dict[str, Any]]:
    """Compute the features of all splits in memory; return them, and what the card says of the engine."""
    choice, started = pick_engine(job), time.monotonic()
    found = {}
    for name, inputs in job.pixels.items():
        parts = [block.features for block in run_split(job, choice, name)]
        width = max(job.world.gather(parts[0].shape[2] if parts else 0))
        empty = torch.empty(0, job.views_of(name), width, device=job.world.device)
        found[name] = FeatureInputs(inputs.split, torch.cat([empty, *parts]))
    return found, _describe_engine(job, choice, seconds=time.monotonic() - started)


def _describe_engine(job: Pass, choice: Choice, *, seconds: float) -> dict[str, Any]:
    """Return {"name", "img_per_s", "measured", ...}: views of all processes per second, decoding included."""
    images = sum(inputs.split.total * job.views_of(name) for name, inputs in job.pixels.items())
    return {"name": choice.name, "img_per_s": round(images / seconds, 2), **choice.describe()}
