"""Measure how well processes share the work of one training job.

Claims: single-thread processes that share a job train at least 0.95 times as many images per second each as
one that has the job alone, at 64 images of 224 px per process and step, and at least 0.85 times at 32
images of 96 px (`efficiency_small`), where a step is short against the exchange of its gradients; with the
same loss at every step. Each process runs train.py, has a core of its own (decoding threads included) and
trains a ResNet-18. Two processes are measured, and three where there are three cores; the worse of them
counts.

The one process has twins on the other cores, jobs of their own with the same work: hosts are machines of
their own, which do not slow each other down by their memory bus, as the cores of one machine do. Against
one process that has the whole machine the figure is efficiency_alone; it cannot exceed what jobs without
any sharing reach, which is `ceiling`: of that it should be 0.97. The three runs of a round take turns;
throughput is that of the training steps of the epochs after the first, in which the process's memory grows
to its size.
Prints a table, and as its last line {"efficiency": ..., "efficiency_small": ..., "max_loss_difference": ...}.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.generated_photos import write_photos
from benchmarks.photos import SIDE
from benchmarks.tables import print_table

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 3
CLASSES = 16
OPTIONS: dict[str, object] = {
    "architecture": "resnet18",
    "init": "random",
    "epochs": 2,
    "learning_rate": 1e-5,
}
LOSS_TOLERANCE = 1e-3
"""Of a step's mean loss. The first step's differ by rounding (4e-7); what follows magnifies it, as Adam moves
a weight by the learning rate whatever the size of its gradient."""
TIMEOUT_S = 400


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A job that is measured: how many processes share it, and its work."""

    processes: int
    image_size: int
    images_per_process: int
    """Of one step."""
    steps: int
    """Of one epoch."""

    @property
    def batch_size(self) -> int:
        """Return the images of one step over all processes."""
        return self.processes * self.images_per_process

    @property
    def photos(self) -> int:
        """Return the training photos of each class: as many as fill the steps."""
        return self.batch_size * self.steps // CLASSES


LARGE = [Setting(processes=count, image_size=224, images_per_process=64, steps=2) for count in (2, 3)]
SMALL = Setting(processes=2, image_size=96, images_per_process=32, steps=10)


@dataclass(frozen=True, kw_only=True)
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


def train(setting: Setting, *, processes: int, jobs: int = 1, data: Path, folder: Path) -> Run:
    """Run a job, or equal ones at the same time on a core each; return their mean throughput."""
    hosts, before = [f"algo-{number + 1}" for number in range(processes)], os.times()
    folders = [folder / str(number) for number in range(jobs)]
    options = {**OPTIONS, "image_size": setting.image_size, "batch_size": setting.batch_size, "data": data}
    started = []
    for core, job_folder in enumerate(folders):
        port = free_port()
        started += [
            start(hosts, place, core=core + place, port=port, options=options, folder=job_folder)
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
    hosts: list[str], place: int, *, core: int, port: int, options: Mapping[str, object], folder: Path
) -> subprocess.Popen[bytes]:
    """Start one process of a job on one core, the first one being 0."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {**options, "output_dir": folder / "output", "save_model": False}
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


def run_round(setting: Setting, data: Path, folder: Path) -> dict[str, Run]:
    """Run one process alone, one with twins, and those that share the job."""
    count = setting.processes
    return {
        "alone": train(setting, processes=1, data=data, folder=folder / "alone"),
        "twin": train(setting, processes=1, jobs=count, data=data, folder=folder / "twin"),
        "shared": train(setting, processes=count, data=data, folder=folder / "shared"),
    }


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one round says of a setting."""

    setting: Setting
    runs: dict[str, Run]

    @property
    def efficiencies(self) -> dict[str, float]:
        """Return efficiency, efficiency_alone and ceiling."""
        alone, twin, shared = (self.runs[name].images_per_s for name in ("alone", "twin", "shared"))
        count = self.setting.processes
        return {
            "efficiency": shared / (count * twin),
            "efficiency_alone": shared / (count * alone),
            "ceiling": twin / alone,
        }

    @property
    def loss_difference(self) -> float:
        """Return the largest difference of a step's loss between one process and those that share."""
        losses = zip(self.runs["alone"].losses, self.runs["shared"].losses, strict=True)
        return max(abs(one - many) for one, many in losses)

    def row(self, number: int) -> list[str]:
        """Return the round's row of the table."""
        setting, runs = self.setting, self.runs
        return [
            f"{setting.processes} x {setting.images_per_process} at {setting.image_size} px",
            str(number),
            *[f"{runs[name].images_per_s:.1f}" for name in ("alone", "twin", "shared")],
            *[f"{value:.3f}" for value in self.efficiencies.values()],
            f"{runs['shared'].cpu_seconds / runs['alone'].cpu_seconds:.2f}",
            f"{self.loss_difference:.1e}",
        ]


HEADER = ["work", "round", "alone", "twin", "shared", "efficiency", "efficiency_alone", "ceiling"]
HEADER += ["CPU time ratio", "max loss difference"]


def summarise(rounds: Sequence[Found]) -> dict[str, Any]:
    """Return the JSON line: medians over the rounds of a setting, of the setting that does worst."""
    medians = {
        setting: {
            name: statistics.median(found.efficiencies[name] for found in rounds if found.setting == setting)
            for name in ("efficiency", "efficiency_alone", "ceiling")
        }
        for setting in dict.fromkeys(found.setting for found in rounds)
    }
    small = medians.pop(SMALL)
    worst = min(medians.values(), key=lambda values: values["efficiency"])
    difference = max(found.loss_difference for found in rounds)
    return {
        **{name: round(value, 4) for name, value in worst.items()},
        "efficiency_small": round(small["efficiency"], 4),
        "efficiency_by_processes": {
            str(setting.processes): round(values["efficiency"], 4) for setting, values in medians.items()
        },
        "max_loss_difference": difference,
        "loss_tolerance": LOSS_TOLERANCE,
        "losses_equal": difference <= LOSS_TOLERANCE,
    }


def measure(settings: Sequence[Setting], folder: Path, *, rounds: int) -> list[Found]:
    """Measure each setting, and the next setting only after all rounds of one."""
    found = []
    for number, setting in enumerate(settings):
        place = folder / str(number)
        data = write_photos(
            folder=place / "photos", classes=CLASSES, train=setting.photos, valid=1, test=1, side=SIDE
        )
        for turn in range(rounds):
            runs = run_round(setting, data, place / f"round-{turn}")
            found.append(Found(setting=setting, runs=runs))
    return found


def main() -> None:
    """Run the rounds and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds, cores = parser.parse_args().rounds, len(os.sched_getaffinity(0))
    if cores < 2:
        raise SystemExit("this benchmark needs two cores")
    settings = [*(setting for setting in LARGE if setting.processes <= cores), SMALL]
    with tempfile.TemporaryDirectory(prefix="musher-ddp-") as name:
        found = measure(settings, Path(name), rounds=rounds)
    print(
        f"generated photos of {SIDE} px; {json.dumps(OPTIONS)}; images/s of one process, with twins, of all"
    )
    print_table(HEADER, [one.row(number % rounds + 1) for number, one in enumerate(found)])
    print(json.dumps(summarise(found)))


if __name__ == "__main__":
    main()
