"""Each process of a host takes a GPU of its own; one more than there are GPUs is refused."""

from __future__ import annotations

import pytest
import torch

from imgclf.distributed import joined_world
from imgclf.errors import ConfigError


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch find two GPUs."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda number: None)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)


@pytest.mark.usefixtures("two_gpus")
def test_a_process_takes_the_gpu_of_its_local_rank() -> None:
    environ = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "1"}
    with joined_world(environ, timeout_s=5) as world:
        assert world.device == torch.device("cuda", 1)
    assert torch.backends.cudnn.deterministic


@pytest.mark.usefixtures("two_gpus")
def test_more_processes_than_gpus_are_refused() -> None:
    """The third would join a group of GPUs with a CPU, and all would wait for one another."""
    environ = {"RANK": "2", "WORLD_SIZE": "3", "LOCAL_RANK": "2"}
    reason = r"LOCAL_RANK 2 has no GPU, this host has 2: start one process for each \(--nproc_per_node 2\)"
    with pytest.raises(ConfigError, match=reason), joined_world(environ, timeout_s=5):
        pass


def test_without_a_gpu_each_process_computes_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with joined_world({"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "3"}, timeout_s=5) as world:
        assert world.device == torch.device("cpu")
