"""Batch normalisation that two processes share has the gradients of one process with the whole batch."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

TRAINING = Path(__file__).resolve().parents[3] / "training"

COMPARE = """
import copy, sys
import torch, torch.distributed as dist
from torch import nn
from imgclf.learning.batch_norm import share_batch_norm

rank, cut, order = int(sys.argv[1]), int(sys.argv[2]), getattr(torch, sys.argv[4])
torch.manual_seed(0)
whole = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.BatchNorm2d(4))
whole = whole.double().to(memory_format=order)
mine = share_batch_norm(copy.deepcopy(whole))
images, target = torch.randn(8, 3, 9, 9).double(), torch.randn(8, 4, 5, 5).double()
(whole(images) * target).sum().backward()
dist.init_process_group("gloo", init_method=sys.argv[3], rank=rank, world_size=2)
part = slice(0, cut) if rank == 0 else slice(cut, 8)
(mine(images[part]) * target[part]).sum().backward()
for expected, found in zip(whole.parameters(), mine.parameters()):
    total = found.grad.clone()
    dist.all_reduce(total)
    torch.testing.assert_close(total, expected.grad)
for expected, found in zip(whole.buffers(), mine.buffers()):
    torch.testing.assert_close(found, expected)
(mine(images[:0]) * target[:0]).sum().backward()  # a part of the batch in which no process has an image
for expected, found in zip(whole.buffers(), mine.buffers()):
    torch.testing.assert_close(found, expected)
torch.testing.assert_close(mine.eval()(images), whole.eval()(images))
dist.barrier()
dist.destroy_process_group()  # its threads must not outlive the interpreter
"""


@pytest.mark.parametrize("order", ["contiguous_format", "channels_last"])
@pytest.mark.parametrize("cut", [4, 3, 0])
def test_gradients_and_statistics_are_those_of_the_whole_batch(tmp_path: Path, cut: int, order: str) -> None:
    """Equal shares, unequal ones, and a process without images."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    environ = {**os.environ, "PYTHONPATH": str(TRAINING), "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    commands = [[sys.executable, "-c", COMPARE, str(rank), str(cut), address, order] for rank in (0, 1)]
    with (tmp_path / "log").open("wb") as log:
        started = [subprocess.Popen(command, env=environ, stderr=log) for command in commands]
    assert [process.wait(60) for process in started] == [0, 0], (tmp_path / "log").read_text()
