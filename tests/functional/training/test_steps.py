"""Two processes that compute a step's parts in turn take the step of one that computes all of them."""

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
from imgclf.distributed import World
from imgclf.learning.gradients import GradientSum
from imgclf.learning.running_statistics import RunningStatistics

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.unused = nn.Linear(300, 300)  # no part has a gradient for it, and it comes before others
        self.first, self.norm = nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64, momentum=0.3)
        self.second, self.last = nn.Conv2d(64, 160, 3), nn.BatchNorm2d(160)
    def forward(self, images):
        return self.last(self.second(self.norm(self.first(images)).relu()))

def step(model, world, parts):
    gradients, statistics = GradientSum(model.parameters(), world), RunningStatistics(model, world)
    statistics.start()
    for number, (images, target) in enumerate(parts, start=1):
        if number == len(parts):
            gradients.start_last_part()
        (model(images) * target).sum().backward()
        statistics.add_part(len(images) / 11)
    gradients.finish()
    statistics.finish_step()
    statistics.close()
    gradients.close()

rank, own = int(sys.argv[1]), [int(part) for part in sys.argv[3].split(",") if part]
cpu = torch.device("cpu")
torch.manual_seed(0)
whole = Net().double().to(memory_format=torch.channels_last)
mine = copy.deepcopy(whole)
sizes = (4, 4, 3)
images = torch.randn(11, 3, 9, 9).double().split(sizes)
targets = torch.randn(11, 160, 5, 5).double().split(sizes)
parts = list(zip(images, targets))
dist.init_process_group("gloo", init_method=sys.argv[2], rank=rank, world_size=2)
for _ in range(2):
    step(whole, World(rank=0, size=1, local_rank=0, host="one", device=cpu), parts)
    second = World(rank=rank, size=2, local_rank=0, host="two", device=cpu)
    step(mine, second, [parts[number] for number in own])
    for (name, expected), found in zip(whole.named_parameters(), mine.parameters()):
        if name.startswith("unused"):
            assert expected.grad is None and not found.grad.any()
        else:
            torch.testing.assert_close(found.grad, expected.grad)
    for weight in [*whole.parameters(), *mine.parameters()]:
        weight.grad = None
for (name, expected), found in zip(whole.named_buffers(), mine.buffers()):
    torch.testing.assert_close(found, expected, msg=name)
assert int(mine.norm.num_batches_tracked) == 2
assert (mine.norm.momentum, mine.last.momentum) == (0.3, 0.1)
dist.barrier()
dist.destroy_process_group()  # its threads must not outlive the interpreter
"""


@pytest.mark.parametrize("dealt", [("0,2", "1"), ("0", "1,2"), ("0,1,2", "")])
def test_gradients_and_running_statistics_are_those_of_one_process(
    tmp_path: Path, dealt: tuple[str, str]
) -> None:
    """Parts of 4, 4 and 3 images, dealt out in turn, unevenly, and to one process alone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    environ = {**os.environ, "PYTHONPATH": str(TRAINING), "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    commands = [[sys.executable, "-c", COMPARE, str(rank), address, dealt[rank]] for rank in (0, 1)]
    with (tmp_path / "log").open("wb") as log:
        started = [subprocess.Popen(command, env=environ, stderr=log) for command in commands]
    assert [process.wait(60) for process in started] == [0, 0], (tmp_path / "log").read_text()
