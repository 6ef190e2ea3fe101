"""training/ uses nothing of torch that AWS's training image lacks: its torch is older than the lock's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from scripts.image_environment import PYTHON, TORCH
from scripts.torch_api import TABLE, TRAINING, find_gaps, read_uses

IMAGE_URIS = TRAINING.parent / "plugins" / "musher" / "training_image_uris.json"


@pytest.fixture(scope="module")
def table() -> Any:
    return json.loads(TABLE.read_text())


def uses_of(code: str, folder: Path) -> list[str]:
    (folder / "code.py").write_text(code)
    return sorted(read_uses(folder))


def test_all_that_training_uses_exists_in_the_images_torch(table: Any) -> None:
    """After a change of TORCH: python -m scripts.torch_api."""
    uses = read_uses(TRAINING)
    assert "torch.distributed.init_process_group" in uses
    assert find_gaps(uses, table) == []


def test_the_table_and_the_scripts_are_of_the_images_that_we_name(table: Any) -> None:
    named = set(re.findall(r"pytorch-training:([\d.]+)-[cg]pu-py(\d+)", IMAGE_URIS.read_text()))
    assert named == {(TORCH, PYTHON.replace(".", ""))} == {(table["torch"], PYTHON.replace(".", ""))}


def test_an_argument_that_came_later_is_found(table: Any, tmp_path: Path) -> None:
    """The one that made every job of two instances fail on AWS."""
    code = "from torch.nn.parallel import DistributedDataParallel as D\nD(1, forward_sync_buffers=False)\n"
    (tmp_path / "code.py").write_text(code)
    recorded = {"torch": TORCH, "modules": {"torch.nn.parallel": {"DistributedDataParallel": "module"}}}
    [gap] = find_gaps(read_uses(tmp_path), recorded)
    assert gap.endswith("DistributedDataParallel has no argument 'forward_sync_buffers' in torch 2.10.0")


def test_a_name_that_came_later_is_found(table: Any, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("import torch\ntorch.no_such_thing(1)\ntorch.zeros(1).no_matter()\n")
    [gap] = find_gaps(read_uses(tmp_path), table)
    assert gap.startswith("torch.no_such_thing: torch 2.10.0 has no no_such_thing in torch")


def test_uses_are_found_under_any_local_name_and_depth(tmp_path: Path) -> None:
    code = (
        "import torch.distributed as dist\nfrom torch import nn\n"
        "def f():\n    from torchvision.models import get_model\n    return get_model('x')\n"
        "dist.barrier()\nx: nn.functional.relu\n"
    )
    assert uses_of(code, tmp_path) == [
        "torch.distributed",
        "torch.distributed.barrier",
        "torch.nn",
        "torch.nn.functional",
        "torch.nn.functional.relu",
        "torchvision.models.get_model",
    ]
