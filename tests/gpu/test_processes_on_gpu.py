"""Processes and GPUs: nccl opens, sums what a training sums, and a process without a GPU says so."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from imgclf.distributed import World, _rendezvous, joined_world
from imgclf.errors import ConfigError
from imgclf.learning.gradients import GradientSum
from imgclf.networks.models import build_model
from tests.functional.training.conftest import free_port
from tests.functional.training.test_launchers import TRAINING, run, words
from tests.gpu.conftest import SMALL, world_on


@pytest.fixture
def group(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Open the process group of one process: nccl on a GPU; a job of one process opens none."""
    port = str(free_port())
    for name in ("MASTER_ADDR", "MASTER_PORT", "GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
        monkeypatch.setenv(name, "lo")  # they are set for the job, and these tests are more than one
    environ = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    store = _rendezvous(environ, rank=0, size=1, hosts=["localhost"], device=device, timeout_s=60)
    assert dist.get_backend() == ("nccl" if device.type == "cuda" else "gloo")
    yield world_on(device)
    dist.destroy_process_group()
    del store


def test_the_group_takes_all_that_a_job_sends(group: World) -> None:
    several = replace(group, size=2)  # so that it does send; the group has one process, and returns the same
    for value in (torch.arange(3), torch.rand(4, dtype=torch.float64), torch.rand(2, 3)):
        assert torch.equal(several.sum(value.clone()).cpu(), value)
    weights = torch.rand(8, 4, 3, 3).to(memory_format=torch.channels_last)
    assert torch.equal(several.broadcast(weights.clone()).cpu(), weights)
    rows = torch.arange(6, dtype=torch.uint8).view(3, 2)
    [gathered] = group._gather_rows(rows)
    assert torch.equal(gathered.cpu(), rows)


def test_the_group_sums_gradients_while_the_backward_pass_runs(group: World) -> None:
    """Also those of convolutions of one pixel, whose layout is ambiguous."""
    torch.manual_seed(1)
    model = build_model(architecture="resnet18", classes=3, freeze_backbone=False, image_size=64)
    model.to(group.device).to(memory_format=torch.channels_last)
    images = torch.randn(4, 3, 64, 64, device=group.device)
    found = []
    for size in (1, 2):
        model.zero_grad()
        gradients = GradientSum(model.parameters(), replace(group, size=size))
        gradients.start_last_part()
        model(images).square().sum().backward()
        gradients.finish()
        gradients.close()
        found.append(torch.cat([weight.grad.flatten() for weight in model.parameters()]))
    assert torch.allclose(*found, rtol=1e-3, atol=1e-3 * float(found[0].abs().max()))


def test_a_process_without_a_gpu_of_its_own_is_refused(device: torch.device) -> None:
    if device.type == "cpu":
        pytest.skip("without a GPU all processes compute on the CPU")
    number = str(torch.cuda.device_count())
    environ = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": number, "MASTER_ADDR": "127.0.0.1"}
    with (
        pytest.raises(ConfigError, match=f"LOCAL_RANK {number} has no GPU"),
        joined_world(environ, timeout_s=5),
    ):
        pass


def test_more_processes_than_gpus_end_with_the_reason(
    device: torch.device, photos: Path, tmp_path: Path
) -> None:
    """torchrun ends the others; on a CPU as many as wanted train together."""
    processes = torch.cuda.device_count() + 1 if device.type == "cuda" else 2
    folders = {"model_dir": tmp_path / "model", "output_dir": tmp_path / "output"}
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes)]
    place = ["--master_addr", "127.0.0.1", "--master_port", str(free_port())]
    script = [str(TRAINING / "train.py"), *words({"data": photos, **SMALL, "epochs": 1, **folders})]
    result = run([sys.executable, *launcher, *place, *script])
    if device.type == "cpu":
        assert result.returncode == 0, result.stderr
    else:
        assert result.returncode != 0
        assert f"error: LOCAL_RANK {processes - 1} has no GPU" in result.stderr
        assert not (tmp_path / "model").exists()
