"""How fast tar shards become batches of tensors, against torchvision's ImageFolder and DataLoader.

Both read the same JPEGs in the same random order and give the same float32 batches: Resize(232),
CenterCrop(224), ToTensor, Normalize; then again RandomResizedCrop(224), RandomHorizontalFlip, ToTensor,
Normalize ("varied"). Ours decodes in as many threads as the DataLoader has processes. Epochs alternate.
An epoch is timed from asking for its first batch to receiving its last, the first batch included for both;
the starts of threads and (persistent) processes are in one uncounted epoch. MUSHER_PHOTOS names a zip of
real photos; else they are generated.

ratio                  our images per second / torchvision's, median of the pairs of epochs
varied_ratio           the same with random crops and flips
mean_pixel_difference  between both sides' batches of all photos, in steps of 1/255; so is max_
*_ms                   one thread's milliseconds to decode one photo at its full size, by decoder
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tarfile
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import benchmarks.source_paths  # noqa: F401 - finds imgclf
from benchmarks.photos import photo_folder
from benchmarks.tables import print_table
from imgclf.images import inputs as inputs_module
from imgclf.images.data import Split
from imgclf.images.inputs import PixelInputs, Variation
from imgclf.images.shards import index_shard
from imgclf.networks.models import preset_for
from imgclf.presets import CROP_AREA, Preset

SHARDS = 2
SEED = 1
DECODED_PHOTOS = 100
DECODE_ROUNDS = 5

Batches = Callable[[list[int], int], Iterator[torch.Tensor]]
"""Yield the batches (B, 3, 224, 224) of the photos with these numbers, in an epoch."""


def pack(photos: list[Path], folder: Path) -> list[Path]:
    """Write the photos into shards, each into one in turn."""
    paths = [folder / f"shard-{number:05}.tar" for number in range(SHARDS)]
    for number, path in enumerate(paths):
        with tarfile.open(path, "w") as archive:
            for photo in photos[number::SHARDS]:
                archive.add(photo, f"{photo.parent.name}/{photo.name}")
    return paths


def index(shards: list[Path], photos: list[Path]) -> Split:
    """Return the shards' photos in the order of `photos`."""
    found = {
        f"{member.class_name}/{member.file_name}": member for shard in shards for member in index_shard(shard)
    }
    members = [found[f"{photo.parent.name}/{photo.name}"] for photo in photos]
    return Split(
        name="train",
        total=len(members),
        positions=np.arange(len(members)),
        labels=np.zeros(len(members), np.int64),
        members=members,
    )


def our_batches(inputs: PixelInputs, preset: Preset, *, batch_size: int, is_varied: bool) -> Batches:
    """Return Musher's loader over the shards."""

    def batches(order: list[int], epoch: int) -> Iterator[torch.Tensor]:
        numbers = np.array(order, dtype=np.int64)
        steps = [numbers[start : start + batch_size] for start in range(0, len(numbers), batch_size)]
        variation = Variation(preset, total=len(order), seed=SEED, epoch=epoch) if is_varied else None
        return inputs.batches(steps, variation=variation)

    return batches


def torchvision_batches(
    folder: Path, preset: Preset, *, batch_size: int, workers: int, is_varied: bool
) -> tuple[Batches, list[Path]]:
    """Return torchvision's loader over the folder, and its photos in the order of their numbers."""
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    side = preset.image_size
    plain = [transforms.Resize(preset.resize_size), transforms.CenterCrop(side)]
    varied = [transforms.RandomResizedCrop(side, scale=CROP_AREA), transforms.RandomHorizontalFlip()]
    last = [transforms.ToTensor(), transforms.Normalize(preset.mean, preset.std)]
    dataset = datasets.ImageFolder(folder, transforms.Compose([*(varied if is_varied else plain), *last]))
    chosen: list[int] = []
    loader: DataLoader[Any] = DataLoader(
        dataset, batch_size=batch_size, num_workers=workers, sampler=chosen, persistent_workers=True
    )

    def batches(order: list[int], _: int) -> Iterator[torch.Tensor]:
        chosen[:] = order
        return (images for images, _ in loader)

    return batches, [Path(path) for path, _ in dataset.samples]


def img_per_s(batches: Batches, order: list[int], epoch: int) -> float:
    """Return the images per second of one epoch."""
    started, images = time.perf_counter(), 0
    for batch in batches(order, epoch):
        images += len(batch)
    assert images == len(order)
    return images / (time.perf_counter() - started)


def compare_speed(ours: Batches, theirs: Batches, *, count: int, pairs: int) -> tuple[float, float, float]:
    """Return the medians of both sides' images per second and of their ratio; after a first epoch."""
    rng = np.random.default_rng(SEED)
    rates = []
    for epoch in range(pairs + 1):
        order = rng.permutation(count).tolist()
        sides = [(0, ours), (1, theirs)] if epoch % 2 else [(1, theirs), (0, ours)]
        measured = {side: img_per_s(batches, order, epoch) for side, batches in sides}
        rates.append((measured[0], measured[1]))
    del rates[0]
    ratio = statistics.median(mine / other for mine, other in rates)
    return statistics.median(mine for mine, _ in rates), statistics.median(other for _, other in rates), ratio


def compare_pixels(ours: Batches, theirs: Batches, *, count: int, preset: Preset) -> tuple[float, float]:
    """Return the mean and the largest difference of both sides' inputs, in steps of 1/255."""
    scale = torch.tensor(preset.std).view(1, 3, 1, 1) * 255
    total, largest, batches = 0.0, 0.0, 0
    order = list(range(count))
    for mine, other in zip(ours(order, 0), theirs(order, 0), strict=True):
        gap = ((mine - other) * scale).abs()
        total, largest, batches = total + float(gap.mean()), max(largest, float(gap.max())), batches + 1
    return total / batches, largest


def decode_ms(photos: list[Path]) -> dict[str, float]:
    """Return each decoder's milliseconds a photo in one thread, the best of a few rounds."""
    import simplejpeg
    from torchvision.io import ImageReadMode, decode_jpeg

    files = [photo.read_bytes() for photo in photos[:: max(1, len(photos) // DECODED_PHOTOS)]]
    decoders: dict[str, Callable[[bytes], object]] = {
        "simplejpeg": lambda data: simplejpeg.decode_jpeg(data, "RGB"),
        "pillow": lambda data: np.array(Image.open(io.BytesIO(data)).convert("RGB")),
        "torchvision": lambda data: decode_jpeg(
            torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=ImageReadMode.RGB
        ),
    }
    best = dict.fromkeys(decoders, float("inf"))
    for _ in range(DECODE_ROUNDS):
        for name, decode in decoders.items():
            started = time.perf_counter()
            for data in files:
                decode(data)
            best[name] = min(best[name], (time.perf_counter() - started) / len(files) * 1000)
    return {f"{name}_ms": milliseconds for name, milliseconds in best.items()}


def measure(folder: Path, work: Path, *, pairs: int, workers: int, batch_size: int) -> dict[str, float]:
    """Measure both kinds of epochs, the difference of pixels, and the decoders."""
    preset = preset_for(architecture="resnet50", image_size=224)
    results: dict[str, float] = {}
    for prefix, is_varied in (("", False), ("varied_", True)):
        theirs, photos = torchvision_batches(
            folder, preset, batch_size=batch_size, workers=workers, is_varied=is_varied
        )
        next(iter(theirs([0], 0)))  # its processes fork before our threads start
        shards = sorted(work.glob("*.tar")) or pack(photos, work)
        inputs = PixelInputs(index(shards, photos), preset, device=torch.device("cpu"), threads=workers)
        ours = our_batches(inputs, preset, batch_size=batch_size, is_varied=is_varied)
        if not is_varied:
            pixels = compare_pixels(ours, theirs, count=len(photos), preset=preset)
            results |= {
                "images": len(photos),
                "mean_pixel_difference": pixels[0],
                "max_pixel_difference": pixels[1],
            }
        speed = compare_speed(ours, theirs, count=len(photos), pairs=pairs)
        names = (f"{prefix}ours_img_per_s", f"{prefix}torchvision_img_per_s", f"{prefix}ratio")
        results |= dict(zip(names, speed, strict=True))
        inputs.close()
    return results | decode_ms(photos)


def main() -> None:
    """Measure, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7, help="pairs of epochs")
    parser.add_argument("--workers", type=int, default=2, help="our threads, and torchvision's processes")
    parser.add_argument("--batch_size", type=int, default=32)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    inputs_module.CACHE_BYTES = 0  # every epoch decodes, as with a data set that is larger than the cache
    # torchvision deprecates its decoder, which is here for comparison alone
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="torchvision")
    with tempfile.TemporaryDirectory() as folder:
        top, kind = photo_folder(Path(folder) / "photos")
        work = Path(folder) / "shards"
        work.mkdir()
        results = measure(
            top / "train",
            work,
            pairs=arguments.pairs,
            workers=arguments.workers,
            batch_size=arguments.batch_size,
        )
    rounded = {name: round(value, 3) for name, value in results.items()}
    print_table(["figure", "value"], [["photos", kind], ["pairs", arguments.pairs], *rounded.items()])
    print(json.dumps({"photos": kind, "pairs": arguments.pairs, "workers": arguments.workers, **rounded}))


if __name__ == "__main__":
    main()
