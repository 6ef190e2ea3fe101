"""Steps do not depend on the number of processes, and share work evenly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from imgclf.distributed import World
from imgclf.images.data import Split
from imgclf.learning.sampling import cut, epoch_steps, ids_digest, own_parts, owned_indices


def world(rank: int, size: int) -> World:
    return World(rank=rank, size=size, local_rank=0, host=f"algo-{rank}", device=torch.device("cpu"))


@pytest.mark.parametrize(("total", "batch"), [(1257, 64), (7, 7), (100, 30), (1, 1), (961, 32)])
def test_an_epoch_takes_each_image_once(total: int, batch: int) -> None:
    steps = epoch_steps(total=total, batch_size=batch, seed=1, epoch=1)
    assert sorted(np.concatenate(steps).tolist()) == list(range(total))
    assert all(len(step) == batch for step in steps[:-1])


def test_epochs_differ_and_a_seed_repeats() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate(epoch_steps(total=500, batch_size=50, seed=seed, epoch=epoch)).tolist()

    assert order(1, 1) == order(1, 1)
    assert order(1, 1) != order(1, 2)
    assert order(1, 1) != order(2, 1)


@pytest.mark.parametrize("hosts", [2, 3, 4, 5])
def test_the_hosts_parts_of_a_step_are_its_whole_batch_in_equal_shares(hosts: int) -> None:
    total, batch = 1257, 64
    steps = epoch_steps(total=total, batch_size=batch, seed=3, epoch=2)
    positions = [np.arange(rank, total, hosts) for rank in range(hosts)]
    parts = [owned_indices(steps, positions=own, total=total) for own in positions]
    for number, step in enumerate(steps):
        union = [own[part[number]] for own, part in zip(positions, parts, strict=True)]
        assert sorted(np.concatenate(union)) == sorted(step)
        sizes = [len(part) for part in union]
        assert max(sizes) - min(sizes) <= 1


def test_a_host_without_images_has_empty_steps() -> None:
    steps = epoch_steps(total=10, batch_size=5, seed=1, epoch=1)
    assert [len(part) for part in owned_indices(steps, positions=np.array([], dtype=np.int64), total=10)] == [
        0,
        0,
    ]


def whole_split(total: int) -> Split:
    return Split(
        name="train",
        total=total,
        positions=np.arange(total),
        labels=np.zeros(total, np.int64),
        members=[],
        is_replicated=True,
    )


@pytest.mark.parametrize("hosts", [1, 2, 3, 7])
def test_the_parts_of_a_batch_are_the_same_for_any_number_of_hosts(hosts: int) -> None:
    """Batches of 100 in parts of at most 32, the last of 57: also where there are fewer parts than hosts."""
    batches = epoch_steps(total=1257, batch_size=100, seed=1, epoch=1)
    dealt = [
        own_parts(batches, whole_split(1257), size=32, world=world(rank, hosts)) for rank in range(hosts)
    ]
    for number, batch in enumerate(batches):
        parts = [part.tolist() for own in dealt for part in own[number]]
        assert sorted(parts) == sorted(part.tolist() for part in cut(batch, size=32))
        counts = [len(own[number]) for own in dealt]
        assert max(counts) - min(counts) <= 1


def test_a_host_that_owns_its_images_cuts_its_own_share() -> None:
    """ShardedByS3Key, or a network that normalises each image alone."""
    batches = epoch_steps(total=40, batch_size=20, seed=1, epoch=1)
    split = Split(
        name="train", total=40, positions=np.arange(10, 40), labels=np.zeros(30, np.int64), members=[]
    )
    for batch, parts in zip(batches, own_parts(batches, split, size=8, world=world(1, 2)), strict=True):
        own = [position for position in batch.tolist() if position >= 10]
        assert split.positions[np.concatenate(parts)].tolist() == own
        assert [len(part) for part in parts] == [len(part) for part in cut(np.array(own), size=8)]


@pytest.mark.parametrize(
    ("images", "size", "parts"),
    [
        (64, 32, [32, 32]),
        (33, 32, [17, 16]),
        (80, 32, [27, 27, 26]),
        (5, 32, [5]),
        (3, 1, [1, 1, 1]),
        (0, 4, []),
    ],
)
def test_a_batch_is_cut_into_few_even_parts(images: int, size: int, parts: list[int]) -> None:
    """The last batch too: no part of one image beside one of 32."""
    found = cut(np.arange(images), size=size)
    assert [len(part) for part in found] == parts
    assert [image for part in found for image in part.tolist()] == list(range(images))


def test_digests_of_parts_add_up() -> None:
    first, second, whole = (int(ids_digest(ids), 16) for ids in (["a", "b"], ["c"], ["c", "a", "b"]))
    assert (first + second) % 2**256 == whole
    assert len(ids_digest([])) == 64
