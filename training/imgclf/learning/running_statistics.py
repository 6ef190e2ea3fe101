"""Keep batch normalisation's running statistics, which a trained network normalises by.

A step's batch is computed in parts (recipe.micro_batch_size), and each part is normalised by its own mean and
variance on whichever process computes it: ghost batch normalisation, https://arxiv.org/abs/1705.08741. So
nothing is exchanged within a forward or backward pass, and one process computes what many do. Once a step the
running statistics move towards the mean over all of its parts, in one small message.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from imgclf.distributed import World

MOMENTUM = 0.1
"""Of a layer that names none."""


def batch_norm_layers(model: nn.Module) -> list[_BatchNorm]:
    """Return the layers whose output for an image depends on the other images of the batch."""
    return [
        layer for layer in model.modules() if isinstance(layer, _BatchNorm) and layer.running_mean is not None
    ]


class RunningStatistics:
    """Move a network's running statistics once a step, from `start` to `close`.

    In between, a layer that has computed a part holds that part's statistics, after a step the running ones.
    """

    def __init__(self, model: nn.Module, world: World) -> None:
        """Find the layers of the network."""
        self._layers, self._world = batch_norm_layers(model), world
        self._momenta = [layer.momentum for layer in self._layers]
        self._buffers = [
            buffer
            for layer in self._layers
            for buffer in (layer.running_mean, layer.running_var)
            if buffer is not None
        ]
        self._counters = [
            layer.num_batches_tracked for layer in self._layers if layer.num_batches_tracked is not None
        ]

    def start(self) -> None:
        """Let each layer keep the statistics of its last part alone."""
        for layer in self._layers:
            layer.momentum = 1.0
        if self._layers:
            shares = [
                torch.full_like(buffer, MOMENTUM if momentum is None else momentum)
                for layer, momentum in zip(self._layers, self._momenta, strict=True)
                for buffer in (layer.running_mean, layer.running_var)
                if buffer is not None
            ]
            self._momentum = torch.cat(shares)
            self._running = torch.cat(self._buffers)
            self._sum = torch.zeros_like(self._running)
            self._steps = [int(counter) for counter in self._counters]

    def close(self) -> None:
        """Give the layers their momentum back."""
        for layer, momentum in zip(self._layers, self._momenta, strict=True):
            layer.momentum = momentum

    def add_part(self, share: float) -> None:
        """Count the part that was just computed; `share` is its part of the step's images."""
        if self._layers:
            self._sum.add_(torch.cat(self._buffers), alpha=share)

    @torch.no_grad()
    def finish_step(self) -> None:
        """Move the running statistics towards the mean of all processes' parts; give them to the layers."""
        if not self._layers:
            return
        self._running.lerp_(self._world.sum(self._sum), self._momentum)
        self._sum.zero_()
        sizes = [buffer.numel() for buffer in self._buffers]
        for buffer, values in zip(self._buffers, torch.split(self._running, sizes), strict=True):
            buffer.copy_(values)
        for number, counter in enumerate(self._counters):
            self._steps[number] += 1
            counter.fill_(self._steps[number])
