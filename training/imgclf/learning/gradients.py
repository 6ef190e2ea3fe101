"""Sum gradients over the processes of a job, while the last part of a step still computes.

Backward passes finish the last layers first. Each large gradient starts on its way as soon as it is complete,
so that the network is busy while the earlier layers compute; small ones travel together at the end. All
processes send in one order, also one that has no part in the step: it sends zeros.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import nn

from imgclf.distributed import World

SMALL_VALUES = 65_536
"""A gradient of fewer values (256 KiB) costs more as a message of its own than as a part of one."""


class GradientSum:
    """The sum of each weight's gradient over all processes; nothing at all where there is one process."""

    def __init__(self, weights: Iterable[nn.Parameter], world: World) -> None:
        """Take the weights in the order in which the network uses them; call `close` at the end."""
        learning = [weight for weight in reversed(list(weights)) if weight.requires_grad]
        self._is_shared = world.size > 1
        self._large = [weight for weight in learning if weight.numel() >= SMALL_VALUES]
        self._small = [weight for weight in learning if weight.numel() < SMALL_VALUES]
        self._complete: set[nn.Parameter] = set()
        self._sent: list[dist.Work] = []
        self._is_last_part = False
        self._hooks = [
            weight.register_post_accumulate_grad_hook(self._note)  # type: ignore[no-untyped-call]
            for weight in (self._large if self._is_shared else [])
        ]

    def start_last_part(self) -> None:
        """Send each gradient that the coming backward pass completes."""
        self._is_last_part = True

    def finish(self) -> None:
        """Send what is left, and wait until every gradient is the sum over all processes."""
        if not self._is_shared:
            return
        for weight in self._large:
            self._complete.add(weight)
        self._send_complete()
        small = torch.cat([_gradient(weight).reshape(-1) for weight in self._small]) if self._small else None
        if small is not None:
            self._sent.append(_sum(small))
        for work in self._sent:
            work.wait()
        if small is not None:
            parts = torch.split(small, [weight.numel() for weight in self._small])
            for weight, part in zip(self._small, parts, strict=True):
                _gradient(weight).copy_(part.view(weight.shape))
        self._complete.clear()
        self._sent.clear()
        self._is_last_part = False

    def close(self) -> None:
        """Leave the weights as they were before: without hooks."""
        for hook in self._hooks:
            hook.remove()

    def _note(self, weight: torch.Tensor) -> None:
        """Note that a backward pass completed a weight's gradient."""
        if self._is_last_part:
            assert isinstance(weight, nn.Parameter)
            self._complete.add(weight)
            self._send_complete()

    def _send_complete(self) -> None:
        """Send complete gradients, as far as the common order allows."""
        while len(self._sent) < len(self._large) and self._large[len(self._sent)] in self._complete:
            self._sent.append(_sum(_gradient(self._large[len(self._sent)])))


def _gradient(weight: nn.Parameter) -> torch.Tensor:
    """Return a weight's gradient; zeros where no part of this process's used the weight."""
    if weight.grad is None:
        weight.grad = torch.zeros_like(weight)
    return weight.grad


def _sum(tensor: torch.Tensor) -> dist.Work:
    """Start to sum a tensor over all processes, in place."""
    work = dist.all_reduce(tensor, async_op=True)
    assert work is not None
    return work
