"""Join the processes of one job, sum numbers over them, and end in seconds when one of them dies."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous

from imgclf.errors import ConfigError, PeerError, StoppedError

logger = logging.getLogger(__name__)

DEFAULT_PORT = 7777
"""MASTER_PORT that SageMaker's PyTorch container sets."""
FAILURE_KEY = "musher/failure"
READERS_KEY = "musher/readers"
WATCH_S = 0.25
TELL_S = 1.0
"""How often rank 0 says that it works on, while the others wait for it."""
FAREWELL_S = 5.0
"""The longest time that a failing process keeps its store open, so that the others can read why it fails."""
_PEER_SYMPTOM = re.compile(
    r"closed by peer|connection (reset|refused|was closed)|broken pipe|timed? ?out|socket|gloo|nccl",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class World:
    """This process's place among the processes of the job."""

    rank: int
    size: int
    local_rank: int
    host: str
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Return whether this is global rank 0: the one that writes files."""
        return self.rank == 0

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the element-wise sum over all processes, on this process's device."""
        total = tensor.to(self.device)
        if self.size > 1:
            dist.all_reduce(total)
        return total

    def broadcast(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return rank 0's tensor, on this process's device; all processes give one of the same shape."""
        copy = tensor.to(self.device)
        if self.size > 1:
            dist.broadcast(copy, src=0)
        return copy

    @contextmanager
    def working_alone(self) -> Iterator[Callable[[], None]]:
        """Give rank 0 a block for which the others wait in `wait_for_main`.

        What the block gets is to be called in its long loops: the others end when they hear nothing for their
        time limit.
        """
        told = time.monotonic()

        def tell() -> None:
            nonlocal told
            if time.monotonic() - told >= TELL_S:
                self.broadcast(torch.ones(1))
                told = time.monotonic()

        try:
            yield tell
        finally:
            self.broadcast(torch.zeros(1))

    def wait_for_main(self) -> None:
        """Wait until rank 0 has left its block of `working_alone`."""
        while self.broadcast(torch.zeros(1)).item():
            pass

    def gather(self, value: Any) -> list[Any]:
        """Return every process's JSON value, in rank order."""
        if self.size == 1:
            return [value]
        data = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
        return [json.loads(part.cpu().numpy().tobytes()) for part in self._gather_rows(data)]

    def concatenate(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the rows (N, ...) of all processes one after the other, in rank order."""
        return torch.cat(self._gather_rows(rows)) if self.size > 1 else rows

    def _gather_rows(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """Return every process's rows (n, ...); their number may differ."""
        counts = torch.zeros(self.size, dtype=torch.int64)
        counts[self.rank] = len(rows)
        sizes = [int(count) for count in self.sum(counts)]
        padded = torch.zeros(max(sizes), *rows.shape[1:], dtype=rows.dtype, device=self.device)
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(parts, padded)
        return [part[:size] for part, size in zip(parts, sizes, strict=True)]


@contextmanager
def joined_world(environ: Mapping[str, str], *, timeout_s: int) -> Iterator[World]:
    """Join this job's processes for the length of a block; leave cleanly, tell the others of a failure.

    Rank and size come from torchrun (RANK, WORLD_SIZE, LOCAL_RANK), else from SageMaker (SM_HOSTS,
    SM_CURRENT_HOST). `timeout_s` bounds the wait for the others, at the start and in each step.
    Raises PeerError when one of the others never came or ended, ConfigError for unusable variables.
    """
    rank, size, local_rank, host, hosts = _placement(environ)
    device = _device(local_rank)
    if size == 1:
        yield World(rank=rank, size=size, local_rank=local_rank, host=host, device=device)
        return
    store = _rendezvous(environ, rank=rank, size=size, hosts=hosts, device=device, timeout_s=timeout_s)
    world = World(rank=rank, size=size, local_rank=local_rank, host=host, device=device)
    watcher = _Watcher(store)
    try:
        yield world
        dist.barrier()
    except StoppedError:  # all processes agreed on it: nobody is left waiting
        with suppress(RuntimeError):
            dist.barrier()
            dist.destroy_process_group()  # threads that outlive the interpreter abort it
        raise
    except Exception as error:
        raise _explained(world, store, watcher, error) from error
    else:
        dist.destroy_process_group()
    finally:
        watcher.stop()


def _placement(environ: Mapping[str, str]) -> tuple[int, int, int, str, list[str]]:
    """Return rank, size, local rank, host name and all host names."""
    if "RANK" in environ and "WORLD_SIZE" in environ:
        host = environ.get("SM_CURRENT_HOST", socket.gethostname())
        rank, size = int(environ["RANK"]), int(environ["WORLD_SIZE"])
        return rank, size, int(environ.get("LOCAL_RANK", "0")), host, [host]
    host = environ.get("SM_CURRENT_HOST", "localhost")
    hosts = sorted(json.loads(environ.get("SM_HOSTS", json.dumps([host]))))
    if host not in hosts:
        raise ConfigError(f"SM_CURRENT_HOST {host!r} is not in SM_HOSTS {hosts}: set both, or neither")
    return hosts.index(host), len(hosts), 0, host, hosts


def _device(local_rank: int) -> torch.device:
    """Return the GPU of this local rank, or the CPU where there is no GPU at all.

    Raises ConfigError for more processes than GPUs: nccl wants a GPU for each, and CPUs cannot join it.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    gpus = torch.cuda.device_count()
    if local_rank >= gpus:
        raise ConfigError(
            f"LOCAL_RANK {local_rank} has no GPU, this host has {gpus}: start one process for each "
            f"(--nproc_per_node {gpus}), or set CUDA_VISIBLE_DEVICES to nothing to train on the CPU"
        )
    torch.cuda.set_device(local_rank)
    torch.backends.cudnn.deterministic = True
    return torch.device("cuda", local_rank)


def _rendezvous(
    environ: Mapping[str, str],
    *,
    rank: int,
    size: int,
    hosts: list[str],
    device: torch.device,
    timeout_s: int,
) -> Store:
    """Meet the other processes at MASTER_ADDR:MASTER_PORT and open the process group."""
    address, port = environ.get("MASTER_ADDR", hosts[0]), environ.get("MASTER_PORT", str(DEFAULT_PORT))
    os.environ.update(MASTER_ADDR=address, MASTER_PORT=port)
    _choose_interface(environ, address)
    timeout = timedelta(seconds=timeout_s)
    logger.info("rank %s of %s waits for the others at %s:%s", rank, size, address, port)
    try:
        store, _, _ = next(rendezvous("env://", rank, size, timeout=timeout))
        backend, gpu = ("nccl", device) if device.type == "cuda" else ("gloo", None)
        dist.init_process_group(
            backend, store=store, rank=rank, world_size=size, timeout=timeout, device_id=gpu
        )
        dist.barrier()
    except RuntimeError as error:
        raise PeerError(
            f"rank {rank} waited up to {timeout_s} s for {size} processes at {address}:{port}, and not "
            f"all came ({_first_line(error)}): see the other hosts' logs, and that MASTER_ADDR and "
            "MASTER_PORT can be reached"
        ) from error
    return cast(Store, store)


def _choose_interface(environ: Mapping[str, str], address: str) -> None:
    """Name the network interface to use, where the default (the host name's address) would not do."""
    name = "lo" if address in ("127.0.0.1", "localhost") else environ.get("SM_NETWORK_INTERFACE_NAME", "")
    if name in {interface for _, interface in socket.if_nameindex()}:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
        os.environ.setdefault("NCCL_SOCKET_IFNAME", name)


class _Watcher:
    """Learn from the store why another process fails, while this one computes.

    The store lives in rank 0: once that has ended, it is too late to ask.
    """

    def __init__(self, store: Store) -> None:
        """Start to look, over a connection of its own."""
        self.reason = ""
        self._store = store.clone()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peer-watcher", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        """Look every WATCH_S seconds; the store's end is the end of the watch."""
        with suppress(RuntimeError):
            while not self._stop.is_set() and not self.look():
                self._stop.wait(WATCH_S)

    def look(self) -> bool:
        """Read a failing process's reason, if there is one, and count as a reader."""
        if self._store.check([FAILURE_KEY]):
            self.reason = self._store.get(FAILURE_KEY).decode(errors="replace")
            self._store.add(READERS_KEY, 1)
        return bool(self.reason)

    def stop(self) -> None:
        """End the watch."""
        self._stop.set()
        self._thread.join(timeout=FAREWELL_S)


def _explained(world: World, store: Store, watcher: _Watcher, error: Exception) -> Exception:
    """Turn a broken connection into a PeerError with the peer's own reason; announce any other error."""
    if not isinstance(error, RuntimeError) or not _PEER_SYMPTOM.search(str(error)):
        watcher.stop()  # else it reads this process's own reason, and counts as one of the others
        with suppress(RuntimeError):  # the store may be gone already
            _announce(world, store, error)
        return error
    reason = watcher.reason or "none left, so it was killed or its machine stopped; see the other hosts' logs"
    return PeerError(
        f"rank {world.rank} on {world.host} cannot go on, because another process of this job ended "
        f"({_first_line(error)}). The other's reason: {reason}"
    )


def _announce(world: World, store: Store, error: Exception) -> None:
    """Leave the reason in the store, and stay until the others have read it, at most FAREWELL_S."""
    store.set(FAILURE_KEY, f"rank {world.rank} on {world.host}: {error}"[:900])
    deadline = time.monotonic() + FAREWELL_S
    while store.add(READERS_KEY, 0) < world.size - 1 and time.monotonic() < deadline:
        time.sleep(0.05)


def _first_line(error: BaseException) -> str:
    """Return the first line of an error, without the C++ file names that torch puts before it."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    line = re.sub(r"^\[[^\]]*\]\s*", "", lines[0])
    return line.partition(". This is typically")[0][:200]
