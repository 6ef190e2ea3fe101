"""Each process of a host takes a GPU of its own; a failing one leaves its reason to the others, not to itself."""

from __future__ import annotations

import pytest
import torch
import torch.distributed as dist

from imgclf import distributed
from imgclf.distributed import World, joined_world
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


def test_a_failing_process_is_no_reader_of_its_own_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would leave before the others have read, and with rank 0 the store goes, too."""
    monkeypatch.setattr(distributed, "FAREWELL_S", 0.6)
    monkeypatch.setattr(distributed, "WATCH_S", 0.01)
    store = dist.HashStore()
    watcher = distributed._Watcher(store)
    world = World(rank=0, size=2, local_rank=0, host="algo-1", device=torch.device("cpu"))
    error = ConfigError("train/0/a.png: unreadable image")
    assert distributed._explained(world, store, watcher, error) is error
    assert store.get(distributed.FAILURE_KEY) == b"rank 0 on algo-1: train/0/a.png: unreadable image"
    assert store.add(distributed.READERS_KEY, 0) == 0
