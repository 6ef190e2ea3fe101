"""The benchmark of a GPU runs on a CPU too, so that it is known to work before a GPU is paid for."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
import torch

from benchmarks.accelerator import Bench, copy_photos, measure, report
from benchmarks.generated_photos import write_photos


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_both_sides_embed_and_train_the_same_photos(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.accelerator.MATRIX_SIDE", {"cpu": 64})
    top = write_photos(folder=tmp_path, classes=2, train=8, valid=1, test=1, side=64)
    copy_photos(top, copies=2)
    options = argparse.Namespace(architecture="resnet18", image_size=32, batch_size=16)
    bench = Bench(top, options, torch.device("cpu"))
    assert bench.images == 32
    report(measure(bench), bench, name="CPU")
    *table, last = capsys.readouterr().out.splitlines()
    result = json.loads(last)
    assert set(result["images_per_s"]) >= {
        "embed",
        "finetune",
        "torchvision_embed",
        "torchvision_finetune",
        "engine_eager",
    }
    assert all(rate > 0 for rate in result["images_per_s"].values())
    assert result["embed_ratio"] == pytest.approx(
        result["images_per_s"]["embed"] / result["images_per_s"]["torchvision_embed"], rel=0.1
    )
    assert any("share of the matrix peak" in line for line in table)
