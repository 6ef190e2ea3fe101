"""Staged weights, several views of each photo, trials by Hyperband, the head first and then all layers."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.generated_photos import write_photos
from musher.archives import read_member_from_tar_gz
from scripts.local_stack import BUCKET

RUN_S = 600
ROOT = Path(__file__).resolve().parents[2]
KEY = "musher/weights/resnet18/resnet18.safetensors"


def convert_weights(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Write a state dict as torchvision publishes them, and convert it by the documented command.

    Its values are random: none can be downloaded here.
    """
    import torch
    from torchvision.models import resnet18

    torch.manual_seed(7)
    torch.save(resnet18(weights=None).state_dict(), folder / "resnet18-published.pth")
    command = [sys.executable, str(ROOT / "training" / "convert_weights.py"), "resnet18-published.pth"]
    options = ["--architecture", "resnet18", "--output", "weights"]
    done = subprocess.run(
        [*command, *options], cwd=folder, capture_output=True, text=True, timeout=120, check=True
    )
    return folder / "weights" / "resnet18.safetensors", json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.timeout(RUN_S)
def test_staged_weights_are_trained_head_first_and_then_whole(runs: Any, tmp_path: Path) -> None:
    weights, converted = convert_weights(tmp_path)
    s3 = runs.stack.client("s3")
    s3.upload_file(str(weights), BUCKET, KEY)
    photos = write_photos(folder=tmp_path, classes=8, train=16, valid=4, test=4, side=96)
    summary = runs.run(
        source=str(photos),
        architecture="resnet18",
        image_size=64,
        weights_uri=f"s3://{BUCKET}/{KEY}",
        freeze_backbone=True,
        feature_views=3,
        tuning_strategy="Hyperband",
        tuning_trials=3,
        tuning_epochs=3,
        batch_sizes=[16, 32],
        epochs=3,
        finetune_epochs=2,
        finetune_learning_rate=0.001,
        min_accuracy=0.25,
    )
    assert {trial["status"] for trial in summary["tuning"]["trials"]} <= {"Completed", "Stopped"}
    assert summary["tuning"]["strategy"] == "Hyperband"
    assert summary["accuracy"] >= 0.25
    name = summary["training"]["job_name"]
    card = read_output(s3, name, archive="model", member="model_card.json")
    assert card["backbone"]["init"] == "pretrained"
    assert card["backbone"]["sha256"] == converted["sha256"]
    history = read_output(s3, name, archive="output", member="history.json")
    assert [epoch["phase"] for epoch in history["epochs"]] == ["head"] * 3 + ["finetune"] * 2


def read_output(s3: Any, job: str, *, archive: str, member: str) -> dict[str, Any]:
    """Return a JSON file of a training job's model or output archive."""
    body = s3.get_object(Bucket=BUCKET, Key=f"musher/jobs/{job}/output/{archive}.tar.gz")["Body"].read()
    found: dict[str, Any] = json.loads(read_member_from_tar_gz(archive=body, name=member))
    return found
