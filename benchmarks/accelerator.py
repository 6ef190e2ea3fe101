"""What share of a device's matrix peak embedding and fine-tuning reach, beside torchvision's own loop.

For a GPU; on a machine without one it measures the CPU. The peak is that of a large matrix product, in
bfloat16 on a GPU and in float32 on a CPU, measured here. A share is images per second x floating-point
operations of an image / peak. Both sides read the same photos: generated ones, each several times under
other names, so that an epoch is long enough. Ours reads them as a job does. The other side is the loop of
torchvision's references/classification/train.py: ImageFolder, DataLoader with a process for each core,
float32 to evaluate, automatic mixed precision (on a GPU) and SGD to train.

embed_*      a frozen backbone's features of all training photos, decoding included
engine_*     the backbone alone, on a batch that is on the device already, by engine
finetune_*   the training steps of an epoch of the whole model, random crops and decoding included; in parts
             of the default size, and `finetune_whole` in whole batches
read_*       the images alone, decoded (or cropped at random) and copied to the device
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.models import get_model

import benchmarks.source_paths  # noqa: F401 - finds imgclf
from benchmarks.generated_photos import write_photos
from benchmarks.photos import SIDE
from benchmarks.tables import print_table
from imgclf.distributed import World
from imgclf.features.embedding import BATCH, Pass, compute_inputs
from imgclf.features.engines import ENGINES, build_engine
from imgclf.images.data import Channels, Dataset
from imgclf.images.inputs import PixelInputs, Variation
from imgclf.images.loading import load_dataset
from imgclf.learning.fit import run_fit
from imgclf.learning.recipe import Recipe, resolve_precision
from imgclf.learning.state import Fit
from imgclf.memory import keep_freed_memory
from imgclf.networks.models import build_model, preset_for
from imgclf.presets import CROP_AREA, IMAGENET_MEAN, IMAGENET_STD, Preset

MATRIX_SIDE = {"cpu": 1024, "cuda": 8192}
EPOCHS = 3
"""Of which the last counts: the first ones choose kernels and start processes."""


def timed(work: Callable[[], object], device: torch.device, *, repeats: int = 5) -> float:
    """Return the fewest seconds that `work` took, its end on the device included; one run goes before."""
    work()
    seconds = []
    for _ in range(repeats):
        synchronise(device)
        started = time.perf_counter()
        work()
        synchronise(device)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def matrix_peak(device: torch.device) -> float:
    """Return the operations per second of a large matrix product."""
    side = MATRIX_SIDE[device.type]
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    return 2 * side**3 / timed(lambda: a @ b, device)


def count_operations(architecture: str, *, image_size: int) -> tuple[int, int]:
    """Return the floating-point operations of one image's forward pass, and of its training step."""
    network, image = get_model(architecture, weights=None), torch.zeros(1, 3, image_size, image_size)
    with FlopCounterMode(display=False) as forward:
        network.eval()(image)
    with FlopCounterMode(display=False) as both:
        network(image).sum().backward()
    return forward.get_total_flops(), both.get_total_flops()


class Bench:
    """The photos and the device, and both sides' ways through them."""

    def __init__(self, folder: Path, options: argparse.Namespace, device: torch.device) -> None:
        """Read the data set as a job does."""
        self.folder, self.options, self.device = folder, options, device
        self.world = World(rank=0, size=1, local_rank=0, host="localhost", device=device)
        found = {name: folder / name for name in ("train", "valid", "test")}
        channels = Channels(**found, manifest=None, weights=None)
        self.data: Dataset = load_dataset(channels, self.world, max_bad_images=0)
        self.preset: Preset = preset_for(architecture=options.architecture, image_size=options.image_size)
        self.images = self.data.splits["train"].total
        self.classes = len(self.data.classes)

    def pixels(self, split: str) -> PixelInputs:
        """Return a split's images, with a decoding thread for each core."""
        return PixelInputs(
            self.data.splits[split], self.preset, device=self.device, threads=os.cpu_count() or 1
        )

    def model(self, *, freeze_backbone: bool) -> Any:
        """Return a new classifier on the device, laid out as jobs have it."""
        torch.manual_seed(1)
        model = build_model(
            architecture=self.options.architecture, classes=self.classes, freeze_backbone=freeze_backbone
        )
        return model.to(self.device).to(memory_format=torch.channels_last)

    def engines(self) -> dict[str, float]:
        """Return each engine's images per second on a batch that lies on the device."""
        side = self.options.image_size
        images = torch.randn(BATCH[self.device.type], 3, side, side, device=self.device)
        backbone = self.model(freeze_backbone=True).backbone
        rates = {}
        for name in [engine.name for engine in ENGINES if engine.device == self.device.type]:
            with torch.inference_mode():
                run = build_engine(name, backbone, images).run
                rates[name] = len(images) / timed(lambda run=run: run(images), self.device)  # type: ignore[misc]
        return rates

    def embed(self, engine: str) -> float:
        """Return images per second of our feature pass."""
        backbone = self.model(freeze_backbone=True).backbone
        job = Pass(
            backbone=backbone,
            preset=self.preset,
            pixels={"train": self.pixels("train")},
            world=self.world,
            engine=engine,
        )
        _, described = compute_inputs(job)
        return float(described["img_per_s"])

    def read(self, *, is_varied: bool) -> float:
        """Return images per second that arrive on the device, decoded or randomly cropped."""
        count = BATCH[self.device.type]
        steps = [np.arange(at, min(at + count, self.images)) for at in range(0, self.images, count)]
        variation = Variation(self.preset, total=self.images, seed=1, epoch=1) if is_varied else None

        def epoch() -> None:
            inputs = self.pixels("train")
            for _ in inputs.batches(steps, variation=variation):
                pass
            inputs.close()

        return self.images / timed(epoch, self.device, repeats=2)

    def finetune(self, *, micro_batch_size: int) -> float:
        """Return images per second of our training steps, of parts of so many images."""
        inputs = {"train": self.pixels("train"), "valid": self.pixels("valid")}
        recipe = Recipe(
            learning_rate=8e-5,
            batch_size=self.options.batch_size,
            epochs=EPOCHS,
            micro_batch_size=micro_batch_size,
            seed=1,
            precision=resolve_precision("auto", self.device),
        )

        def vary(epoch: int) -> Variation:
            return Variation(self.preset, total=self.images, seed=1, epoch=epoch)

        model = self.model(freeze_backbone=False)
        result = run_fit(
            Fit(model=model, inputs=inputs, recipe=recipe, world=self.world, classes=self.classes, vary=vary)
        )
        return self.images / float(result.history[-1]["train_seconds"])

    def their_loader(self, *steps: Any) -> DataLoader[Any]:
        """Return torchvision's loader of the training photos."""
        ends = (transforms.ToTensor(), transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD))
        return DataLoader(
            ImageFolder(str(self.folder / "train"), transforms.Compose([*steps, *ends])),
            batch_size=self.options.batch_size,
            shuffle=True,
            num_workers=os.cpu_count() or 1,
            persistent_workers=True,
            pin_memory=self.device.type == "cuda",
        )

    def their_evaluation(self) -> float:
        """Return images per second of torchvision's evaluation loop, the features in place of the scores."""
        size = self.options.image_size
        loader = self.their_loader(transforms.Resize(self.preset.resize_size), transforms.CenterCrop(size))
        network = get_model(self.options.architecture, weights=None).to(self.device).eval()
        network.fc = nn.Identity()

        @torch.inference_mode()
        def epoch() -> None:
            for images, _ in loader:
                network(images.to(self.device, non_blocking=True)).cpu()

        return self.images / timed(epoch, self.device, repeats=1)

    def their_training(self) -> float:
        """Return images per second of torchvision's training loop with automatic mixed precision."""
        crop = transforms.RandomResizedCrop(self.options.image_size, scale=CROP_AREA)
        loader = self.their_loader(crop, transforms.RandomHorizontalFlip())
        network = get_model(self.options.architecture, weights=None, num_classes=self.classes).to(self.device)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
        is_mixed = self.device.type == "cuda"
        scaler = torch.amp.GradScaler(self.device.type, enabled=is_mixed)

        def epoch() -> None:
            network.train()
            for images, labels in loader:
                images, labels = (part.to(self.device, non_blocking=True) for part in (images, labels))
                with torch.autocast(self.device.type, enabled=is_mixed, dtype=torch.float16):
                    loss = nn.functional.cross_entropy(network(images), labels)
                optimizer.zero_grad()
                scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
                scaler.step(optimizer)
                scaler.update()

        return self.images / timed(epoch, self.device, repeats=EPOCHS - 1)


def copy_photos(top: Path, *, copies: int) -> None:
    """Give each training photo further names, without further bytes."""
    for photo in sorted((top / "train").rglob("*.jpg")):
        for number in range(1, copies):
            os.link(photo, photo.with_name(f"{photo.stem}-{number}.jpg"))


def measure(bench: Bench) -> dict[str, float]:
    """Run everything and return images per second by name."""
    theirs = {
        "torchvision_embed": bench.their_evaluation(),
        "torchvision_finetune": bench.their_training(),
    }
    keep_freed_memory()  # as our jobs do; torchvision's loop has run without
    engines = bench.engines()
    best = max(engines, key=lambda name: engines[name])
    ours = {
        "embed": bench.embed(best),
        "finetune": bench.finetune(micro_batch_size=Recipe.micro_batch_size),
        "finetune_whole": bench.finetune(micro_batch_size=bench.options.batch_size),
        "read": bench.read(is_varied=False),
        "read_varied": bench.read(is_varied=True),
    }
    return {**ours, **theirs, **{f"engine_{name}": rate for name, rate in engines.items()}}


def report(rates: dict[str, float], bench: Bench, *, name: str) -> None:
    """Print the table and the JSON line."""
    peak = matrix_peak(bench.device)
    forward, training = count_operations(bench.options.architecture, image_size=bench.options.image_size)
    shares = {
        key: rate * (training if "finetune" in key else forward) / peak
        for key, rate in rates.items()
        if not key.startswith("read")
    }
    print_table(
        ["", "images/s", "TFLOP/s", "share of the matrix peak"],
        [
            [key, f"{rate:.1f}", f"{shares[key] * peak / 1e12:.2f}", f"{shares[key]:.3f}"]
            if key in shares
            else [key, f"{rate:.1f}", "", ""]
            for key, rate in rates.items()
        ],
    )
    print(
        f"{name}, {os.cpu_count()} CPU cores; matrix peak {peak / 1e12:.2f} TFLOP/s; "
        f"{bench.options.architecture} at {bench.options.image_size} px, {bench.images} photos of {SIDE} px"
    )
    found = {
        "embed_ratio": rates["embed"] / rates["torchvision_embed"],
        "finetune_ratio": rates["finetune"] / rates["torchvision_finetune"],
        "embed_share": shares["embed"],
        "finetune_share": shares["finetune"],
        "whole_batch_ratio": rates["finetune_whole"] / rates["finetune"],
    }
    rounded = {key: round(value, 4) for key, value in found.items()}
    print(json.dumps({**rounded, "device": name, "images_per_s": {k: round(v, 1) for k, v in rates.items()}}))


def main() -> None:
    """Measure the GPU where there is one, else the CPU."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--architecture", default="resnet50")
    parser.add_argument("--image_size", type=int, default=224)
    parser.add_argument("--batch_size", type=int, help="default: 256 on a GPU, 32 on a CPU")
    parser.add_argument("--copies", type=int, help="names of each of 512 photos; 16 on a GPU, else 1")
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    is_cuda = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if is_cuda else "CPU"
    options.batch_size = options.batch_size or (256 if is_cuda else 32)
    copies = options.copies or (16 if is_cuda else 1)
    with tempfile.TemporaryDirectory(prefix="musher-accelerator-") as folder:
        top = write_photos(folder=Path(folder), classes=32, train=16, valid=1, test=1, side=SIDE)
        copy_photos(top, copies=copies)
        bench = Bench(top, options, device)
        report(measure(bench), bench, name=name)


if __name__ == "__main__":
    main()
