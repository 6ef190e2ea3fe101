"""Measure how well two processes share the work of one training job.

Claim: two single-thread processes train at least 0.93 * 2 times as many images per second as one, with the
same global batch and the same loss at every step. Each process runs train.py, has a core of its own (decoding
threads included) and trains a ResNet-18, whose batch normalisation and gradients are shared. Runs of one and
of two processes alternate; throughput is that of the training steps of the last epoch: the first one decodes,
and lets the process's memory grow to its size.
Prints a table, and as its last line {"efficiency": median of the pairs, "max_loss_difference": float, ...}.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.generated_photos import write_photos
from benchmarks.photos import SIDE
from benchmarks.tables import print_table

ROOT = Path(__file__).resolve().parents[1]
PAIRS = 5
CLASSES, TRAIN_PHOTOS = 16, 16
"""Classes of generated photos, and training photos of each."""
OPTIONS: dict[str, object] = {
    "architecture": "resnet18",
    "image_size": 224,
    "init": "random",
    "batch_size": 128,
    "epochs": 2,
    "learning_rate": 1e-5,
}
LOSS_TOLERANCE = 5e-3
"""Of a step's mean loss. The first step's differ by rounding (4e-7); what follows magnifies it, as Adam moves
a weight by the learning rate whatever the size of its gradient (measured: 9e-4 after 20 steps)."""
TIMEOUT_S = 400


@dataclass(frozen=True)
class Run:
    """What one job of one or two processes did."""

    images_per_s: float
    losses: list[float]
    cpu_seconds: float
    """Of all processes together, start and evaluation included."""


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def train(*, processes: int, data: Path, folder: Path) -> Run:
    """Run one job and read its history."""
    hosts, port, before = [f"algo-{number + 1}" for number in range(processes)], free_port(), os.times()
    started = [start(hosts, place, port=port, data=data, folder=folder) for place in range(processes)]
    codes = [process.wait(TIMEOUT_S) for process in started]
    if any(codes):
        raise SystemExit(f"train.py ended with {codes}; see {folder}:\n{(folder / 'algo-1.log').read_text()}")
    after = os.times()
    history = json.loads((folder / "output" / "history.json").read_text())
    epochs: list[dict[str, Any]] = history["epochs"]
    images = sum(host["images"] for host in history["hosts"])
    return Run(
        images_per_s=images / epochs[-1]["train_seconds"],
        losses=[loss for epoch in epochs for loss in epoch["step_losses"]],
        cpu_seconds=sum(after[2:4]) - sum(before[2:4]),
    )


def start(hosts: list[str], place: int, *, port: int, data: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start one process of a job on a core of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {**OPTIONS, "data": data, "output_dir": folder / "output", "save_model": False}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("SM_", "SAGEMAKER_"))
    }
    environ |= {"OMP_NUM_THREADS": "1", "SM_HOSTS": json.dumps(hosts), "SM_CURRENT_HOST": hosts[place]}
    environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    core = sorted(os.sched_getaffinity(0))[place]
    command = [sys.executable, str(ROOT / "training" / "train.py"), *words]
    pinned = [sys.executable, "-c", PIN, str(core), *command]
    with (folder / f"{hosts[place]}.log").open("wb") as log:
        return subprocess.Popen(pinned, env=environ, stdout=log, stderr=subprocess.STDOUT)


PIN = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); os.execv(sys.argv[2], sys.argv[2:])"


def main() -> None:
    """Run PAIRS of jobs and compare them."""
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("this benchmark needs two cores")
    rows, efficiencies, differences = [], [], []
    with tempfile.TemporaryDirectory(prefix="musher-ddp-") as name:
        data = write_photos(
            folder=Path(name), classes=CLASSES, train=TRAIN_PHOTOS, valid=1, test=1, side=SIDE
        )
        for pair in range(PAIRS):
            one, two = (
                train(processes=count, data=data, folder=Path(name) / f"{pair}-{count}") for count in (1, 2)
            )
            efficiency = two.images_per_s / (2 * one.images_per_s)
            difference = max(abs(a - b) for a, b in zip(one.losses, two.losses, strict=True))
            efficiencies.append(efficiency)
            differences.append(difference)
            shown = [f"{one.images_per_s:.1f}", f"{two.images_per_s:.1f}", f"{efficiency:.3f}"]
            cpu = f"{two.cpu_seconds / one.cpu_seconds:.2f}"
            rows.append([str(pair + 1), *shown, cpu, f"{difference:.1e}", str(len(one.losses))])
    print(f"generated photos of {SIDE} px; {json.dumps(OPTIONS)}")
    header = ["pair", "1 process img/s", "2 processes img/s", "efficiency", "CPU time ratio"]
    print_table([*header, "max loss difference", "steps"], rows)
    result = {
        "efficiency": round(statistics.median(efficiencies), 4),
        "efficiencies": [round(value, 4) for value in efficiencies],
        "max_loss_difference": max(differences),
        "loss_tolerance": LOSS_TOLERANCE,
        "losses_equal": max(differences) <= LOSS_TOLERANCE,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
