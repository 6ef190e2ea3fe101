"""Networks with dropout, and with normalisation by part, train alike on one host and on two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

StartHosts = Callable[..., list[Any]]

OPTIONS = {
    "image_size": 32,
    "init": "random",
    "epochs": 1,
    "batch_size": 48,
    "micro_batch_size": 16,
    "learning_rate": 1e-5,  # at a high one, rounding alone parts the curves
    "save_model": False,
}


def step_losses(host: Any) -> list[float]:
    """Return the loss of each step of the one epoch."""
    [epoch] = host.read("output/data/history.json")["epochs"]
    return list(epoch["step_losses"])


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("architecture", ["mobilenet_v3_large", "efficientnet_b0", "convnext_tiny"])
def test_two_hosts_drop_what_one_does(start_hosts: StartHosts, few_digits: Path, architecture: str) -> None:
    """With masks from each host's own stream of random numbers, the first losses would differ already."""
    runs = [start_hosts(count, data=few_digits, architecture=architecture, **OPTIONS) for count in (1, 2)]
    assert [host.wait(180) for hosts in runs for host in hosts] == [0, 0, 0], runs[1][0].log
    one, two = (step_losses(hosts[0]) for hosts in runs)
    assert len(one) == len(two) == 4
    assert one == pytest.approx(two, abs=1e-3)
    assert one[0] == pytest.approx(two[0], abs=1e-5)
