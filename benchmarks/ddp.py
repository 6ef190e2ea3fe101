"""Measure how well two processes share the work of one training job.

Claim: two single-thread processes that share a job train at least 0.93 * 2 times as many images per second as
one, with the same global batch and the same loss at every step. Each process runs train.py, has a core of its
own (decoding threads included) and trains a ResNet-18, whose batch normalisation and gradients are shared.

The one process has a twin on the other core, a job of its own with the same work: hosts are machines of their
own, which do not slow each other down by their memory bus, as two cores of one machine do. Against one
process that has the whole machine the figure is efficiency_alone; it cannot exceed what two jobs without any
sharing reach, which is `ceiling`. Runs take turns; throughput is that of the training steps of the epochs
after the first, in which the process's memory grows to its size.
Prints a table, and as its last line {"efficiency": median of the rounds, "max_loss_difference": float, ...}.
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
ROUNDS = 3
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


def train(*, processes: int, jobs: int = 1, data: Path, folder: Path) -> Run:
    """Run a job, or equal ones at the same time on a core each; return their mean throughput."""
    hosts, before = [f"algo-{number + 1}" for number in range(processes)], os.times()
    folders = [folder / str(number) for number in range(jobs)]
    started = []
    for core, job_folder in enumerate(folders):
        port = free_port()
        started += [
            start(hosts, place, core=core + place, port=port, data=data, folder=job_folder)
            for place in range(processes)
        ]
    codes = [process.wait(TIMEOUT_S) for process in started]
    if any(codes):
        raise SystemExit(f"train.py ended with {codes}:\n{(folders[0] / 'algo-1.log').read_text()}")
    after = os.times()
    histories = [json.loads((job_folder / "output" / "history.json").read_text()) for job_folder in folders]
    return Run(
        images_per_s=statistics.mean(map(throughput, histories)),
        losses=[loss for epoch in histories[0]["epochs"] for loss in epoch["step_losses"]],
        cpu_seconds=(sum(after[2:4]) - sum(before[2:4])) / jobs,
    )


def throughput(history: dict[str, Any]) -> float:
    """Return a job's images per second in the epochs after the first."""
    images = sum(host["images"] for host in history["hosts"])
    seconds = [epoch["train_seconds"] for epoch in history["epochs"][1:]]
    return float(images * len(seconds) / sum(seconds))


def start(
    hosts: list[str], place: int, *, core: int, port: int, data: Path, folder: Path
) -> subprocess.Popen[bytes]:
    """Start one process of a job on one core, the first one being 0."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {**OPTIONS, "data": data, "output_dir": folder / "output", "save_model": False}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("SM_", "SAGEMAKER_"))
    }
    environ |= {"OMP_NUM_THREADS": "1", "SM_HOSTS": json.dumps(hosts), "SM_CURRENT_HOST": hosts[place]}
    environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    affinity = str(sorted(os.sched_getaffinity(0))[core])
    command = [sys.executable, str(ROOT / "training" / "train.py"), *words]
    pinned = [sys.executable, "-c", PIN, affinity, *command]
    with (folder / f"{hosts[place]}.log").open("wb") as log:
        return subprocess.Popen(pinned, env=environ, stdout=log, stderr=subprocess.STDOUT)


PIN = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); os.execv(sys.argv[2], sys.argv[2:])"


def run_round(data: Path, folder: Path) -> dict[str, Run]:
    """Run one process alone, one with a twin, and two that share the job."""
    return {
        "alone": train(processes=1, data=data, folder=folder / "alone"),
        "twin": train(processes=1, jobs=2, data=data, folder=folder / "twin"),
        "shared": train(processes=2, data=data, folder=folder / "shared"),
    }


def report(rounds: list[dict[str, Run]]) -> None:
    """Print the table and the JSON line."""
    rates = [{name: run.images_per_s for name, run in runs.items()} for runs in rounds]
    found = {
        "efficiency": [rate["shared"] / (2 * rate["twin"]) for rate in rates],
        "efficiency_alone": [rate["shared"] / (2 * rate["alone"]) for rate in rates],
        "ceiling": [rate["twin"] / rate["alone"] for rate in rates],
    }
    differences = [
        max(abs(a - b) for a, b in zip(runs["alone"].losses, runs["shared"].losses, strict=True))
        for runs in rounds
    ]
    rows = [
        [
            str(number + 1),
            *[f"{rates[number][name]:.1f}" for name in ("alone", "twin", "shared")],
            *[f"{values[number]:.3f}" for values in found.values()],
            f"{runs['shared'].cpu_seconds / runs['alone'].cpu_seconds:.2f}",
            f"{differences[number]:.1e}",
        ]
        for number, runs in enumerate(rounds)
    ]
    print(
        f"generated photos of {SIDE} px; {json.dumps(OPTIONS)}; images/s of one process, with a twin, of two"
    )
    print_table(["round", "alone", "twin", "shared", *found, "CPU time ratio", "max loss difference"], rows)
    result = {
        **{name: round(statistics.median(values), 4) for name, values in found.items()},
        "efficiencies": [round(value, 4) for value in found["efficiency"]],
        "max_loss_difference": max(differences),
        "loss_tolerance": LOSS_TOLERANCE,
        "losses_equal": max(differences) <= LOSS_TOLERANCE,
    }
    print(json.dumps(result))


def main() -> None:
    """Run the rounds and compare."""
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("this benchmark needs two cores")
    with tempfile.TemporaryDirectory(prefix="musher-ddp-") as name:
        data = write_photos(
            folder=Path(name), classes=CLASSES, train=TRAIN_PHOTOS, valid=1, test=1, side=SIDE
        )
        report([run_round(data, Path(name) / f"round-{number}") for number in range(ROUNDS)])


if __name__ == "__main__":
    main()
