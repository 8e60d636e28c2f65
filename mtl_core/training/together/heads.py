"""The heads of several runs as stacked tensors, with their gradients and AdamW."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mtl_core.models.multitask import MultiTaskModel
from mtl_core.tasks.task import Task

_BETAS = (0.9, 0.999)
_EPS = 1e-8
_PARTS = ("weight", "bias")


class StackedHead:
    """The head of one task in several runs, and AdamW's moments.

    `weight`: (runs, outputs, hidden). `bias`: (runs, outputs).
    """

    def __init__(self, task: Task, models: Sequence[MultiTaskModel]) -> None:
        self.task = task
        heads = [model.head(task) for model in models]
        self.weight = torch.stack([head.weight.detach() for head in heads])
        self.bias = torch.stack([head.bias.detach() for head in heads])
        self.reset()

    def reset(self) -> None:
        """Delete the moments, as for a head that a phase unfreezes."""
        self._moments = {
            part: (torch.zeros_like(values), torch.zeros_like(values))
            for part, values in self._parts()
        }
        self._steps = torch.zeros(len(self.weight), dtype=torch.float64)

    def select(self, runs: Tensor) -> None:
        """Select these runs, given as indices, and drop all others."""
        self.weight, self.bias, self._steps = (
            each[runs] for each in (self.weight, self.bias, self._steps)
        )
        self._moments = {
            part: (first[runs], second[runs]) for part, (first, second) in self._moments.items()
        }

    @torch.no_grad()
    def write_to(self, run: int, model: MultiTaskModel) -> None:
        """Copy the parameters of one run into its model."""
        head = model.head(self.task)
        head.weight.copy_(self.weight[run])
        head.bias.copy_(self.bias[run])

    def step(self, gradients: "HeadGradients", rates: Tensor, weight_decay: Tensor) -> None:
        """Take a step of AdamW in the runs that have a gradient; the bias has no weight decay.

        `rates` and `weight_decay` are those of each run: (runs,).
        """
        active = gradients.active
        where = slice(None) if bool(active.all()) else active.nonzero().flatten()
        self._steps[where] += 1
        steps = self._steps[where]
        size = (rates.double()[where] / (1 - _BETAS[0] ** steps)).float()
        scale = (1 - _BETAS[1] ** steps).sqrt().float()
        decay = (1 - rates.double() * weight_decay.double())[where].float()
        for (part, values), gradient in zip(
            self._parts(), (gradients.weight, gradients.bias), strict=True
        ):
            shape = (-1, *[1] * (values.dim() - 1))
            first, second = self._moments[part]
            own = gradient[where]
            first[where] = first[where].lerp_(own, 1 - _BETAS[0])
            second[where] = second[where].mul_(_BETAS[1]).addcmul_(own, own, value=1 - _BETAS[1])
            change = second[where].sqrt().div_(scale.view(shape)).add_(_EPS)
            change = torch.div(first[where], change, out=change).mul_(size.view(shape))
            moved = values[where] * decay.view(shape) if part == "weight" else values[where]
            values[where] = moved - change

    def _parts(self) -> list[tuple[str, Tensor]]:
        return list(zip(_PARTS, (self.weight, self.bias), strict=True))


@dataclass(frozen=True)
class HeadGradients:
    """The gradients of one task's heads, and the norm of each part: (runs,) each.

    `active` marks the runs that have a label of the task in this step; the others have zeros.
    """

    weight: Tensor
    bias: Tensor
    active: Tensor
    norms: tuple[Tensor, Tensor] = field(init=False)

    def __post_init__(self) -> None:
        norms = (
            torch.linalg.vector_norm(self.weight, dim=(1, 2)),
            torch.linalg.vector_norm(self.bias, dim=1),
        )
        object.__setattr__(self, "norms", norms)

    @property
    def norm(self) -> Tensor:
        """The norm of both parts together: (runs,)."""
        return torch.hypot(*self.norms)


def clip(gradients: Mapping[str, HeadGradients], max_norms: Tensor) -> None:
    """Scale the gradients of each run as `clip_grad_norm_` does; `max_norms`: (runs,)."""
    norms = torch.stack([norm for each in gradients.values() for norm in each.norms])
    factor = (max_norms / (torch.linalg.vector_norm(norms, dim=0) + 1e-6)).clamp(max=1.0)
    for each in gradients.values():
        each.weight.mul_(factor[:, None, None])
        each.bias.mul_(factor[:, None])
