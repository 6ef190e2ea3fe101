"""Jobs of two processes on the torch of AWS's training image, which is older than the lock's.

The environment is made once, in var/: 3 GB to download, 7 GB on the disk (67 s from a near registry).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from scripts.image_environment import TORCH, make_environment

StartHosts = Callable[..., list[Any]]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

RESNET = {"architecture": "resnet18", "image_size": 32, "init": "random", "batch_size": 48, "epochs": 2}
RESNET |= {"learning_rate": 1e-5, "micro_batch_size": 16}


@pytest.fixture(scope="module")
def python() -> Path:
    """Return the Python of an environment with the image's torch."""
    return make_environment(Path(__file__).resolve().parents[3] / "var" / f"torch-{TORCH}")


def finish(hosts: list[Any]) -> Any:
    """Wait for the hosts of a job, which must all succeed; return the first."""
    for host in hosts:
        assert host.wait(300) == 0, host.log
    return hosts[0]


def losses(host: Any) -> list[float]:
    epochs = host.read("output/data/history.json")["epochs"]
    return [loss for epoch in epochs for loss in [*epoch["step_losses"], epoch["valid_loss"]]]


def test_the_environment_has_the_images_torch(python: Path) -> None:
    code = "import torch, torchvision; print(torch.__version__.partition('+')[0])"
    found = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == TORCH


def test_two_hosts_train_there_what_one_trains_on_the_locks_torch(
    start_hosts: StartHosts, few_digits: Path, python: Path
) -> None:
    """A ResNet: gradients, running statistics and evaluation are shared; the older torch rounds otherwise."""
    here = finish(start_hosts(1, data=few_digits, **RESNET))
    there = finish(start_hosts(2, python=python, data=few_digits, **RESNET))
    assert there.read("model/model_card.json")["framework"]["torch"].startswith(TORCH)
    assert losses(there) == pytest.approx(losses(here), abs=1e-3)
    weights = load_file(there.folder / "model/model.safetensors")
    assert set(weights) == set(load_file(here.folder / "model/model.safetensors"))


def test_a_head_then_all_layers_and_a_search_run_there(
    start_hosts: StartHosts, few_digits: Path, python: Path
) -> None:
    ranges = json.dumps({"learning_rate": {"type": "continuous", "min": 1e-3, "max": 1e-2, "scale": "log"}})
    model = {name: RESNET[name] for name in ("architecture", "image_size", "init", "batch_size")}
    options = {"python": python, "data": few_digits, "epochs": 2, **model}
    tuned = finish(start_hosts(2, **options, freeze_backbone=True, finetune_epochs=1, int8=True))
    judged = tuned.read("model/model_card.json")["int8"]
    assert judged["valid_images"] == 20, judged  # quantised, and served or refused; it did not fail
    phases = [entry["phase"] for entry in tuned.read("output/data/history.json")["epochs"]]
    assert phases == ["head", "head", "finetune"]
    searched = finish(start_hosts(2, **options, script="search.py", ranges=ranges, trials=2))
    statuses = [trial["status"] for trial in searched.read("output/data/trials.json")["trials"]]
    assert statuses == ["Completed", "Completed"]


def test_a_stopped_job_continues_there(
    start_hosts: StartHosts, few_digits: Path, python: Path, tmp_path: Path
) -> None:
    options = {"architecture": "small_cnn", "image_size": 8, "batch_size": 10, "epochs": 20, "python": python}
    options |= {"data": few_digits, "checkpoint_dir": tmp_path / "checkpoints"}
    hosts = start_hosts(2, **options)
    hosts[0].wait_for("epoch 1:", 300)
    hosts[1].process.terminate()
    assert [host.wait(300) for host in hosts] == [143, 143], hosts[0].log
    assert "continued from epoch" in finish(start_hosts(2, **options)).log


def test_a_killed_host_ends_the_other_there(start_hosts: StartHosts, few_digits: Path, python: Path) -> None:
    options = {"architecture": "small_cnn", "image_size": 8, "batch_size": 10, "epochs": 1000}
    hosts = start_hosts(2, python=python, data=few_digits, **options)
    hosts[0].wait_for("epoch 1:", 300)
    hosts[1].process.kill()
    assert hosts[0].wait(20) == 1
    assert "another process of this job ended" in hosts[0].failure
