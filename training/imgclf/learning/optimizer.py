"""AdamW over named weights, with a state that goes into a checkpoint as plain tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import nn
from torch.optim.adamw import adamw

ADAM_EPSILON = 1e-6
"""Above torch's 1e-8, where a gradient that is all rounding error still takes a full step."""
BETAS = (0.9, 0.999)
STATE_NAMES = ("mean", "variance", "step")


class AdamW:
    """Hold AdamW's two moments of each weight, and apply torch's functional `adamw` to them.

    torch.optim.AdamW computes the same, but its first step imports torch's compiler, which takes 1.3 s
    of every job's start; and its state is keyed by number, not by name.
    """

    def __init__(self, weights: Iterable[tuple[str, nn.Parameter]], *, weight_decay: float) -> None:
        """Take the weights that learn, as `named_parameters` lists them."""
        self._weights = {name: weight for name, weight in weights if weight.requires_grad}
        self._weight_decay = weight_decay
        self._state = {
            name: {
                "mean": torch.zeros_like(weight),
                "variance": torch.zeros_like(weight),
                "step": torch.zeros((), dtype=torch.float32, device=weight.device),
            }
            for name, weight in self._weights.items()
        }

    @property
    def param_groups(self) -> list[dict[str, list[nn.Parameter]]]:
        """Return the weights in the form in which torch's GradScaler asks for them."""
        return [{"params": list(self._weights.values())}]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for weight in self._weights.values():
            weight.grad = None

    @torch.no_grad()
    def step(self, *, learning_rate: float) -> None:
        """Move each weight once along its gradient."""
        states = list(self._state.values())
        adamw(
            list(self._weights.values()),
            [torch.zeros_like(w) if w.grad is None else w.grad for w in self._weights.values()],
            [state["mean"] for state in states],
            [state["variance"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=learning_rate,
            weight_decay=self._weight_decay,
            eps=ADAM_EPSILON,
            maximize=False,
        )

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Return `<weight>:mean`, `<weight>:variance` and `<weight>:step` of each weight."""
        return {
            f"{name}:{part}": value for name, state in self._state.items() for part, value in state.items()
        }

    def load_state_dict(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take back what `state_dict` gave; raise KeyError for a weight that is not there."""
        for name, state in self._state.items():
            for part in STATE_NAMES:
                state[part].copy_(tensors[f"{name}:{part}"])
