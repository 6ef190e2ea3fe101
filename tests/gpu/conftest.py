"""Tests of the training code on one GPU; all are skipped where there is none.

    python -m pytest tests/gpu                  on a machine with a GPU
    python -m pytest tests/gpu --device cpu     the same tests on a CPU: to see that the tests themselves work

They need torch, torchvision, torchmetrics, safetensors, simplejpeg and Pillow of any recent version, and
neither Airflow nor boto3. What they measured is listed at the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import train

from benchmarks.generated_photos import write_photos
from imgclf.arguments import parse_arguments
from imgclf.distributed import World
from tests.functional.training.test_launchers import words

HERE = Path(__file__).parent
OURS = "imgclf|train$|embed$|search$|benchmarks|tests|test_"
"""Modules whose warnings are errors; those of other packages are shown: their versions differ by machine."""
FOUND = pytest.StashKey[list[str]]()

SMALL = {"architecture": "small_cnn", "image_size": 32, "batch_size": 16, "epochs": 3, "learning_rate": 0.003}
RESNET = {
    "architecture": "resnet18",
    "init": "random",
    "image_size": 64,
    "batch_size": 16,
    "micro_batch_size": 8,
    "epochs": 2,
    "learning_rate": 1e-4,
}
"""Batch normalisation, maximum pooling and convolutions of one pixel, computed in parts of a batch."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", choices=("cuda", "cpu"), default="cuda", help="where tests/gpu computes")


def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Mark this folder's tests; skip them where they cannot run."""
    is_missing = config.getoption("--device", default="cuda") == "cuda" and not torch.cuda.is_available()
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.gpu)
        item.add_marker(pytest.mark.filterwarnings(f"default:::(?!{OURS})"))
        if is_missing:
            item.add_marker(pytest.mark.skip(reason="no GPU: torch.cuda.is_available() is False"))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """List what was measured."""
    found = config.stash.get(FOUND, [])
    if found:
        terminalreporter.section("measured", sep="-")
    for line in found:
        terminalreporter.write_line(line)


@pytest.fixture
def at_most(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return a check that notes what it saw: at_most(measured, limit, "what")."""
    found = request.config.stash.setdefault(FOUND, [])

    def check(value: float, limit: float, what: str) -> None:
        found.append(f"{request.node.name}: {what} {value:.2e} (at most {limit:.0e})")
        assert value <= limit, found[-1]

    return check


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> torch.device:
    """Return the device on which the tests compute."""
    name = request.config.getoption("--device", default="cuda")
    return torch.device("cuda", 0) if name == "cuda" else torch.device("cpu")


def world_on(device: torch.device) -> World:
    """Return a job of one process on a device."""
    return World(rank=0, size=1, local_rank=0, host="localhost", device=device)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write photos of 4 classes: 96 / 24 / 16."""
    return write_photos(
        folder=tmp_path_factory.mktemp("photos"), classes=4, train=24, valid=6, test=4, side=80
    )


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The folders that a job wrote."""

    folder: Path

    def read(self, name: str) -> Any:
        """Return the content of a JSON file."""
        return json.loads((self.folder / name).read_text())

    @property
    def losses(self) -> list[float]:
        """Return the loss of each step."""
        return [loss for epoch in self.read("output/history.json")["epochs"] for loss in epoch["step_losses"]]


@dataclass(frozen=True, kw_only=True)
class Runner:
    """Run jobs over the photos, each in a folder of its own."""

    photos: Path
    device: torch.device
    factory: pytest.TempPathFactory

    def run(self, main: Callable[..., int], *, code: int = 0, **options: object) -> Outcome:
        """Run a program's `main` as a process of its own would; it must compute on the device."""
        outcome, before = Outcome(folder=self.factory.mktemp("job")), self._allocations()
        assert main(self._words(outcome, options), {}) == code
        assert self.device.type == "cpu" or self._allocations() > before
        return outcome

    def train_on(self, device: torch.device, **options: object) -> Outcome:
        """Train on any device."""
        outcome = Outcome(folder=self.factory.mktemp("job"))
        train.train(parse_arguments(self._words(outcome, options), {}), world_on(device))
        return outcome

    def _words(self, outcome: Outcome, options: dict[str, object]) -> list[str]:
        folders = {"model_dir": outcome.folder / "model", "output_dir": outcome.folder / "output"}
        return words({"data": self.photos, **folders, **options})

    def _allocations(self) -> int:
        """Return how many blocks of the GPU's memory were asked for so far."""
        if self.device.type == "cpu":
            return 0
        return int(torch.cuda.memory_stats().get("allocation.all.allocated", 0))


@pytest.fixture(scope="session")
def jobs(photos: Path, device: torch.device, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """Return the runner of jobs."""
    return Runner(photos=photos, device=device, factory=tmp_path_factory)
