"""A fit that is continued ends as one that was never interrupted; other jobs' checkpoints are refused."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from imgclf.distributed import World
from imgclf.errors import CheckpointError, DivergedError, StoppedError
from imgclf.learning import checkpoint
from imgclf.learning.checkpoint import Checkpoints, StopSignal, listened_for_stop
from imgclf.learning.fit import run_fit
from imgclf.learning.recipe import Recipe
from imgclf.learning.state import Fit, FitResult

SOLO = World(rank=0, size=1, local_rank=0, host="localhost", device=torch.device("cpu"))
RECIPE = Recipe(learning_rate=0.05, batch_size=8, epochs=4, seed=3)
JOB = {"architecture": "linear", "data_hash": "ab", "learning_rate": 0.05}
STEPS_PER_EPOCH = 12


@dataclass
class StopAfter(StopSignal):
    """A SIGTERM that comes at a step."""

    steps: int = 10**9

    def __getattribute__(self, name: str) -> Any:
        """Count each look."""
        if name == "received":
            self.steps -= 1
            return self.steps < 0
        return super().__getattribute__(name)


@dataclass
class Trial:
    """A linear model that is fitted to points with checkpoints in a folder."""

    folder: Path
    make_points: Callable[..., Any]

    def run(
        self, *, stop: StopSignal | None = None, minutes: float = 60, **job: Any
    ) -> tuple[Any, FitResult]:
        """Fit from the start or the checkpoint; return weights and result."""
        torch.manual_seed(1)
        model = nn.Linear(5, 3)
        inputs = {"train": self.make_points(images=90, seed=1), "valid": self.make_points(images=30, seed=2)}
        keeper = Checkpoints(
            self.folder, "fit", job={**JOB, **job}, minutes=minutes, stop=stop or StopSignal()
        )
        result = run_fit(Fit(model=model, inputs=inputs, recipe=RECIPE, world=SOLO, classes=3, keeper=keeper))
        return model.state_dict(), result

    @property
    def file(self) -> Path:
        """Return the checkpoint."""
        return self.folder / "fit.safetensors"


@pytest.fixture
def trial(tmp_path: Path, make_points: Callable[..., Any]) -> Trial:
    return Trial(tmp_path / "checkpoints", make_points)


def without_seconds(result: FitResult) -> list[dict[str, Any]]:
    return [{**entry, "seconds": 0, "train_seconds": 0} for entry in result.history]


@pytest.mark.parametrize("steps", [0, 5, STEPS_PER_EPOCH - 1, STEPS_PER_EPOCH, 30, 4 * STEPS_PER_EPOCH - 1])
def test_a_continued_fit_ends_with_the_same_weights(
    trial: Trial, tmp_path: Path, make_points: Callable[..., Any], steps: int
) -> None:
    """Bit for bit, wherever the interruption came: first step, mid-epoch, last step of an epoch or of all."""
    expected, whole = Trial(tmp_path / "other", make_points).run()
    with pytest.raises(StoppedError, match=f"epoch {steps // STEPS_PER_EPOCH + 1} after step"):
        trial.run(stop=StopAfter(steps=steps))
    weights, result = trial.run()
    assert all(torch.equal(expected[name], weights[name]) for name in expected)
    assert without_seconds(result) == without_seconds(whole)
    assert result.best_epoch == whole.best_epoch


def test_a_fit_can_be_interrupted_again_and_again(
    trial: Trial, tmp_path: Path, make_points: Callable[..., Any]
) -> None:
    expected, _ = Trial(tmp_path / "other", make_points).run()
    for _ in range(6):
        with pytest.raises(StoppedError):
            trial.run(stop=StopAfter(steps=6))
    weights, result = trial.run()
    assert all(torch.equal(expected[name], weights[name]) for name in expected)
    assert len(result.history) == RECIPE.epochs


def test_a_finished_fit_is_not_repeated(trial: Trial) -> None:
    weights, _ = trial.run()
    again, result = trial.run(stop=StopAfter(steps=0))
    assert torch.equal(weights["weight"], again["weight"])
    assert len(result.history) == RECIPE.epochs


def test_checkpoints_are_also_written_within_an_epoch(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []
    monkeypatch.setattr(checkpoint, "_write", lambda path, *_: written.append(path))
    trial.run(minutes=0)
    assert len(written) == RECIPE.epochs * STEPS_PER_EPOCH


def test_another_jobs_checkpoint_is_refused_and_stays(trial: Trial) -> None:
    trial.run()
    before = trial.file.read_bytes()
    with pytest.raises(CheckpointError) as raised:
        trial.run(architecture="resnet50", data_hash="cd")
    assert "architecture 'linear' there, 'resnet50' here; data_hash 'ab' there, 'cd' here" in str(
        raised.value
    )
    assert trial.file.read_bytes() == before


def test_a_damaged_checkpoint_is_refused_by_name(trial: Trial) -> None:
    trial.run()
    trial.file.write_bytes(trial.file.read_bytes()[:100])
    with pytest.raises(CheckpointError, match=r"fit\.safetensors cannot be read .*: remove it to train"):
        trial.run()


def test_a_full_disk_leaves_the_last_good_checkpoint(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StoppedError):
        trial.run(stop=StopAfter(steps=STEPS_PER_EPOCH))
    before = trial.file.read_bytes()

    def full(tensors: object, path: Path, **_: object) -> None:
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    _, result = trial.run()
    assert len(result.history) == RECIPE.epochs
    assert "No space left on device): the last one stays; give the job a larger volume" in caplog.text
    assert trial.file.read_bytes() == before
    assert [path.name for path in trial.folder.iterdir()] == ["fit.safetensors"]


def test_a_diverged_fit_keeps_the_checkpoint_from_before(
    trial: Trial, make_points: Callable[..., Any]
) -> None:
    with pytest.raises(StoppedError):
        trial.run(stop=StopAfter(steps=STEPS_PER_EPOCH))
    before = trial.file.read_bytes()

    def broken(**options: Any) -> Any:
        points = make_points(**options)
        points.values[:] = torch.nan
        return points

    with pytest.raises(DivergedError, match="the loss is nan at step 2 of epoch 2"):
        Trial(trial.folder, broken).run(minutes=0)
    assert trial.file.read_bytes() == before


def test_without_a_folder_a_stop_says_that_nothing_was_kept(make_points: Callable[..., Any]) -> None:
    keeper = Checkpoints(None, "fit", job=JOB, minutes=60, stop=StopSignal(received=True))
    inputs = {"train": make_points(images=90, seed=1), "valid": make_points(images=30, seed=2)}
    with pytest.raises(StoppedError, match="there is no checkpoint_dir, so it cannot be continued"):
        run_fit(
            Fit(model=nn.Linear(5, 3), inputs=inputs, recipe=RECIPE, world=SOLO, classes=3, keeper=keeper)
        )


def test_the_first_sigterm_is_noted_and_the_handler_goes_with_the_block() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with listened_for_stop() as stop:
        assert not stop.received
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.received
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) == before
