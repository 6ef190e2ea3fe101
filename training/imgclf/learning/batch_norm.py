"""Batch normalisation over the whole batch, when CPU processes share it.

torch.nn.SyncBatchNorm does this on GPUs only. Without it each process would normalise by its own part of
the batch, and a job on two hosts would train another model than a job on one.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.distributed as dist
from torch import nn


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Normalise by mean and variance of all processes' images; alone, or to evaluate, as BatchNorm2d does."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the normalised (B, C, H, W); B may differ by process and be 0, but each must call this."""
        if not self.training or not dist.is_initialized():
            return super().forward(images)
        assert self.running_mean is not None
        assert self.running_var is not None
        output, mean, variance, count = cast(
            tuple[torch.Tensor, ...],
            _Normalise.apply(images.to(self.weight.dtype), self.weight, self.bias, self.eps),
        )
        if not count:
            return output  # no process has an image in this part of the batch
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        momentum = self.momentum or 0.0
        with torch.no_grad():
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * (count / (count - 1).clamp(min=1)), momentum)
        return output


def share_batch_norm(model: nn.Module) -> nn.Module:
    """Turn the model's BatchNorm2d layers into SharedBatchNorm2d, in place and with the same weights."""
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SharedBatchNorm2d
    return model


class _Normalise(torch.autograd.Function):
    """The normalisation and its gradient, with one sum over the processes in each direction."""

    @staticmethod
    def forward(ctx: Any, images: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float) -> Any:
        """Return normalised images, mean (C,), biased variance (C,), and the count of values per channel."""
        mean, variance, count = _shared_statistics(images)
        invstd = (variance + eps).rsqrt()
        ctx.save_for_backward(images, weight, mean, invstd, count)
        ctx.eps = eps
        output = nn.functional.batch_norm(images, mean, variance, weight, bias, training=False, eps=eps)
        ctx.mark_non_differentiable(mean, variance, count)
        return output, mean, variance, count

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """Return the gradients of images, weight and bias; the last two are this process's part."""
        images, weight, mean, invstd, count = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=_memory_format(images))
        if images.numel():
            _, grad_weight, grad_bias = torch.ops.aten.native_batch_norm_backward(
                gradient, images, weight, None, None, mean, invstd, True, ctx.eps, [False, True, True]
            )
        else:
            grad_weight, grad_bias = torch.zeros_like(weight), torch.zeros_like(weight)
        sums = torch.cat([grad_bias, grad_weight])
        dist.all_reduce(sums)
        sum_gradient, sum_product = (sums / count.clamp(min=1)).chunk(2)
        scale = weight * invstd
        slope = -scale * invstd * sum_product
        # gradient * scale + images * slope + offset in two passes: batch_norm's own kernel adds the offset.
        grad_images = nn.functional.batch_norm(
            images, mean, torch.ones_like(mean), slope, -scale * sum_gradient, training=False, eps=0.0
        )
        return grad_images.addcmul_(gradient, scale.view(1, -1, 1, 1)), grad_weight, grad_bias, None


def _memory_format(images: torch.Tensor) -> torch.memory_format:
    """Return the order in which the images' values lie: torch's kernels are slow where two orders meet."""
    is_last = images.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if is_last else torch.contiguous_format


def _shared_statistics(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return mean and biased variance of each channel over all processes, and the number of values."""
    channels, own = images.shape[1], images.numel() // images.shape[1]
    sums = torch.zeros(2 * channels + 1, dtype=torch.float64)
    if own:
        mean, variance = (part.double() for part in torch.batch_norm_update_stats(images, None, None, 0.0))
        sums = torch.cat([own * mean, own * (variance + mean**2), sums.new_tensor([own])])
    dist.all_reduce(sums)
    count = sums[-1]
    mean, square = (part / count.clamp(min=1) for part in sums[:-1].chunk(2))
    variance = (square - mean**2).clamp(min=0)
    return mean.to(images.dtype), variance.to(images.dtype), count.to(images.dtype)
