"""Run a frozen backbone with whatever computes it fastest on this machine, and proves to compute the same.

The choice is made once, on images of the data set: each engine that can still save time is built, compared
with eager torch, and timed. An engine whose features differ from eager's by more than its tolerance is never
used, however fast it is.
"""

from __future__ import annotations

import copy
import importlib.util
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from imgclf.errors import ConfigError
from imgclf.onnx_export import to_onnx
from imgclf.onnx_session import open_session

logger = logging.getLogger(__name__)

Run = Callable[[torch.Tensor], torch.Tensor]
"""Images (B, 3, S, S) float32, normalised -> features (B, F) float32."""

EAGER = "eager"
MEASURED_IMAGES = {"cpu": 4, "cuda": 256}
"""Images of the batch that is compared and timed."""
TIMED_RUNS = 3
"""Of which the fastest counts: what else runs on the machine slows some of them down."""
SHORT_PASS_S = 5.0
"""A pass that eager torch ends in this time is not worth a measurement."""
MOST_SPEEDUP = 3.0
"""No engine is expected to be this many times as fast as eager; it bounds what a slow set-up can save."""
ROUNDING, BF16_ROUNDING = 1e-4, 3e-2
"""Largest difference from eager's features, as a share of their largest magnitude: float32 whose sums are
ordered differently (measured: 3e-7), and bfloat16 with its 8 bits."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A way to compute a backbone."""

    name: str
    device: str
    make: Callable[[nn.Module, torch.Tensor], Run]
    tolerance: float
    setup_s: float
    """Seconds that building it is expected to take (measured on two cores with a ResNet-50)."""
    needs: tuple[str, ...] = ()
    """Packages that must be installed."""

    @property
    def is_installed(self) -> bool:
        """Tell whether its packages are there."""
        return all(importlib.util.find_spec(name) for name in self.needs)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """How one engine did."""

    img_per_s: float
    setup_s: float
    difference: float
    """Largest difference from eager's features, as a share of their largest magnitude."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The engine of a pass, ready to run, and what spoke for it."""

    name: str
    run: Run
    tolerance: float
    measurements: dict[str, Measurement]

    def describe(self) -> dict[str, Any]:
        """Return what features.json and the model card say of it."""
        return {
            "name": self.name,
            "tolerance": self.tolerance,
            "measured": {name: round(found.img_per_s, 2) for name, found in self.measurements.items()},
            "details": {name: asdict(found) for name, found in self.measurements.items()},
        }


def make_eager(backbone: nn.Module, images: torch.Tensor) -> Run:
    """Return the backbone as it is."""
    return lambda batch: backbone(batch).float()


def make_channels_last(backbone: nn.Module, images: torch.Tensor) -> Run:
    """Fold batch normalisation into the convolutions, and lay the channels innermost."""
    from torch.fx.experimental.optimization import fuse

    network = fuse(copy.deepcopy(backbone).eval()).to(memory_format=torch.channels_last)
    return lambda batch: network(batch.contiguous(memory_format=torch.channels_last))


def make_onnxruntime(backbone: nn.Module, images: torch.Tensor) -> Run:
    """Export the backbone to ONNX in memory and let ONNX Runtime optimise its graph."""
    graph = to_onnx(backbone, images[:2], names=("images", "features"))
    session = open_session(graph, threads=torch.get_num_threads())
    return lambda batch: torch.from_numpy(session.run(None, {"images": batch.contiguous().numpy()})[0])


def make_bf16(backbone: nn.Module, images: torch.Tensor) -> Run:
    """Compute in bfloat16 with the channels innermost, for a GPU's matrix units."""
    network = copy.deepcopy(backbone).eval().to(torch.bfloat16).to(memory_format=torch.channels_last)

    def run(batch: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = network(batch.to(torch.bfloat16, memory_format=torch.channels_last))
        return features.float()

    return run


def make_compiled_bf16(backbone: nn.Module, images: torch.Tensor) -> Run:
    """Compile what `make_bf16` computes, for batches of one size: each other size would compile anew."""
    compiled, size = torch.compile(make_bf16(backbone, images), dynamic=False), len(images)

    def run(batch: torch.Tensor) -> torch.Tensor:
        parts = []
        for part in torch.split(batch, size):
            missing = part.new_zeros(size - len(part), *part.shape[1:])
            parts.append(compiled(torch.cat([part, missing]))[: len(part)])
        return torch.cat(parts)

    return run


ENGINES = (
    Engine(name=EAGER, device="cpu", make=make_eager, tolerance=0.0, setup_s=0.0),
    Engine(name="channels_last", device="cpu", make=make_channels_last, tolerance=ROUNDING, setup_s=0.5),
    Engine(
        name="onnxruntime",
        device="cpu",
        make=make_onnxruntime,
        tolerance=ROUNDING,
        setup_s=5.0,
        needs=("onnx", "onnxruntime"),
    ),
    Engine(name=EAGER, device="cuda", make=make_eager, tolerance=0.0, setup_s=0.0),
    Engine(name="bf16", device="cuda", make=make_bf16, tolerance=BF16_ROUNDING, setup_s=0.5),
    Engine(
        name="compiled_bf16", device="cuda", make=make_compiled_bf16, tolerance=BF16_ROUNDING, setup_s=40.0
    ),
)


def engine_names() -> list[str]:
    """Return each engine's name once."""
    return list(dict.fromkeys(engine.name for engine in ENGINES))


def build_engine(name: str, backbone: nn.Module, images: torch.Tensor) -> Choice:
    """Build the named engine; raise ConfigError when it cannot run here or computes something else."""
    [eager, *others] = [engine for engine in ENGINES if engine.device == images.device.type]
    wanted = next((engine for engine in [eager, *others] if engine.name == name), None)
    if wanted is None or not wanted.is_installed:
        raise ConfigError(f"engine {name!r} cannot run on {images.device.type} here: use auto or {EAGER}")
    if wanted is eager or not len(images):
        return _eager_choice(backbone, images)
    truth = _compute(make_eager(backbone, images), images)
    run, found = measure(wanted, backbone, images, truth)
    if not found.difference <= wanted.tolerance:
        raise ConfigError(
            f"engine {name!r} differs from eager by {found.difference:.1e}, which is more than "
            f"{wanted.tolerance:.0e}: use auto"
        )
    return Choice(name=name, run=run, tolerance=wanted.tolerance, measurements={name: found})


def choose_engine(backbone: nn.Module, images: torch.Tensor, *, remaining: int) -> Choice:
    """Choose the engine that ends a pass over `remaining` images soonest, its set-up included.

    `images` are some of the data set's; the first MEASURED_IMAGES of them are compared and timed.
    """
    images = images[: MEASURED_IMAGES[images.device.type]]
    others = [engine for engine in ENGINES if engine.device == images.device.type and engine.name != EAGER]
    best = _eager_choice(backbone, images)
    if not len(images):
        return best
    truth = _compute(best.run, images)
    best.measurements[EAGER] = Measurement(img_per_s=_rate(best.run, images), setup_s=0.0, difference=0.0)
    for engine in others:
        seconds = remaining / best.measurements[best.name].img_per_s
        slowest = remaining / best.measurements[EAGER].img_per_s
        if slowest < SHORT_PASS_S or engine.setup_s > seconds - slowest / MOST_SPEEDUP:
            continue  # it cannot pay for itself
        best = _better(best, engine, backbone, images, truth)
    logger.info("engine %s for %s images: %s", best.name, remaining, best.describe()["measured"])
    return best


def _eager_choice(backbone: nn.Module, images: torch.Tensor) -> Choice:
    """Return the engine that is always there, not yet measured."""
    return Choice(name=EAGER, run=make_eager(backbone, images), tolerance=0.0, measurements={})


def _better(
    best: Choice, engine: Engine, backbone: nn.Module, images: torch.Tensor, truth: torch.Tensor
) -> Choice:
    """Return the engine if it is sound and faster than the best so far, else the best so far."""
    if not engine.is_installed:
        return best
    try:
        run, found = measure(engine, backbone, images, truth)
    except Exception as error:  # noqa: BLE001 - a compiler's or exporter's failure must not cost the job
        logger.warning("engine %s cannot be used: %s: %s", engine.name, type(error).__name__, error)
        return best
    if not found.difference <= engine.tolerance:
        logger.warning("engine %s differs from eager by %.1e: not used", engine.name, found.difference)
        return best
    best.measurements[engine.name] = found
    if found.img_per_s <= best.measurements[best.name].img_per_s:
        return best
    return Choice(name=engine.name, run=run, tolerance=engine.tolerance, measurements=best.measurements)


def measure(
    engine: Engine, backbone: nn.Module, images: torch.Tensor, truth: torch.Tensor
) -> tuple[Run, Measurement]:
    """Build an engine, compare its features of the images with eager's, and time it."""
    started = time.perf_counter()
    run = engine.make(backbone, images)
    features = _compute(run, images)
    setup_s = time.perf_counter() - started
    difference = float((features - truth).abs().max() / truth.abs().max().clamp(min=1e-12))
    return run, Measurement(img_per_s=_rate(run, images), setup_s=setup_s, difference=difference)


@torch.no_grad()  # as the pass itself: what was compiled in inference mode would be compiled again for it
def _compute(run: Run, images: torch.Tensor) -> torch.Tensor:
    """Run once, to its end."""
    features = run(images)
    if images.device.type == "cuda":
        torch.cuda.synchronize()
    return features


def _rate(run: Run, images: torch.Tensor) -> float:
    """Return images per second of an engine that is warm."""
    seconds = []
    for _ in range(TIMED_RUNS):
        started = time.perf_counter()
        _compute(run, images)
        seconds.append(time.perf_counter() - started)
    return len(images) / min(seconds)
