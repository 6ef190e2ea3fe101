"""Steps do not depend on the number of processes, and share work evenly."""

from __future__ import annotations

import numpy as np
import pytest

from imgclf.learning.sampling import epoch_steps, ids_digest, owned_indices


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


def test_digests_of_parts_add_up() -> None:
    first, second, whole = (int(ids_digest(ids), 16) for ids in (["a", "b"], ["c"], ["c", "a", "b"]))
    assert (first + second) % 2**256 == whole
    assert len(ids_digest([])) == 64
