"""The other ways to start train.py: torchrun, the model image, and hosts with different shards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TRAINING = Path(__file__).resolve().parents[3] / "training"
OPTIONS = {"architecture": "small_cnn", "image_size": 8, "batch_size": 128, "epochs": 2}


def run(command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with one torch thread and without SageMaker's variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SM_", "SAGEMAKER_"))}
    environ = {**kept, "OMP_NUM_THREADS": "1", **variables}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=100, check=False)


def words(options: dict[str, object]) -> list[str]:
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


@pytest.mark.slow
def test_torchrun_starts_two_processes_of_one_job(digits: Path, tmp_path: Path) -> None:
    options = {**OPTIONS, "data": digits, "model_dir": tmp_path / "model", "output_dir": tmp_path / "output"}
    launcher = [
        "-m",
        "torch.distributed.run",
        "--nproc_per_node",
        "2",
        "--master_port",
        "0",
        "--rdzv_backend",
        "c10d",
    ]
    endpoint = ["--rdzv_endpoint", "127.0.0.1:0"]
    result = run([sys.executable, *launcher, *endpoint, str(TRAINING / "train.py"), *words(options)])
    assert result.returncode == 0, result.stderr
    hosts = json.loads((tmp_path / "output/history.json").read_text())["hosts"]
    assert [host["rank"] for host in hosts] == [0, 1]


def test_the_model_image_trains_from_sagemakers_files(digits: Path, tmp_path: Path) -> None:
    config = tmp_path / "input" / "config"
    config.mkdir(parents=True)
    (tmp_path / "output").mkdir()
    parameters = {name: json.dumps(value) for name, value in OPTIONS.items()}
    (config / "hyperparameters.json").write_text(json.dumps(parameters))
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))
    (config / "inputdataconfig.json").write_text(json.dumps({"train": {}, "valid": {}, "test": {}}))
    (tmp_path / "input" / "data").symlink_to(digits)
    result = run(
        [sys.executable, "-m", "imgclf.serving.container", "train"],
        SAGEMAKER_BASE_DIR=str(tmp_path),
        PYTHONPATH=str(TRAINING),
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "model" / "model.safetensors").exists()
    assert (tmp_path / "output" / "data" / "evaluation.json").exists()


def stage(digits: Path, target: Path) -> Path:
    """Write the digits as two shards for each split, with a manifest; return it."""
    manifest: dict[str, Any] = {
        "format": 1,
        "name": "digits",
        "data_hash": "cd" * 32,
        "images": [],
        "splits": {},
    }
    manifest["classes"] = sorted(path.name for path in (digits / "train").iterdir())
    for split in ("train", "valid", "test"):
        files = sorted((digits / split).glob("*/*"), key=lambda path: path.name)
        counts = {name: len(list((digits / split / name).iterdir())) for name in manifest["classes"]}
        shards = []
        for number, part in enumerate((files[: len(files) // 3], files[len(files) // 3 :])):
            path = target / split / f"shard-{number:05}.tar"
            path.parent.mkdir(parents=True, exist_ok=True)
            with tarfile.open(path, "w") as archive:
                for file in part:
                    archive.add(file, f"{file.parent.name}/{file.name}")
            shards.append({"key": f"{split}/{path.name}", "bytes": path.stat().st_size, "images": len(part)})
        manifest["splits"][split] = {"images": len(files), "counts": counts, "shards": shards}
    (target / "manifest.json").write_text(json.dumps(manifest))
    return target


@pytest.mark.slow
def test_hosts_with_one_shard_each_have_the_curve_of_one_host_with_both(
    start_hosts: Callable[..., list[Any]], digits: Path, tmp_path: Path
) -> None:
    """ShardedByS3Key: one host owns a third of the images, the other two thirds, and no file is on both."""
    both = stage(digits, tmp_path / "both")
    [single] = start_hosts(1, data=both, **OPTIONS)
    assert single.wait() == 0, single.log
    parts = []
    for number in (0, 1):
        folder = tmp_path / f"host-{number}"
        for split in ("train", "valid", "test"):
            (folder / split).mkdir(parents=True)
            shard = f"{split}/shard-{number:05}.tar"
            (folder / shard).symlink_to(both / shard)
        (folder / "manifest.json").symlink_to(both / "manifest.json")
        parts.append(folder)
    hosts = start_hosts(2, data_of_hosts=parts, **OPTIONS)
    for host in hosts:
        assert host.wait() == 0, host.log
    histories = [host.read("output/data/history.json") for host in (single, hosts[0])]
    curves = [[loss for epoch in history["epochs"] for loss in epoch["step_losses"]] for history in histories]
    assert max(abs(a - b) for a, b in zip(*curves, strict=True)) < 1e-4
    images = [host["images"] for host in histories[1]["hosts"]]
    assert images[0] * 2 == pytest.approx(images[1], abs=3)
    assert histories[0]["epochs"][-1]["valid_accuracy"] == histories[1]["epochs"][-1]["valid_accuracy"]
