"""AdamW over everything that ever learns in a run, with each group's own rate."""

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.description import ModelDescription
from mtl_core.training.embedding_rows import EmbeddingRows
from mtl_core.training.measures.movement import GradientNorms
from mtl_core.training.schedule import rate_factor


class PlanOptimizer:
    """One AdamW for all phases.

    Its groups are made up front: adding some later under a scheduler breaks the scheduler, and a
    new optimiser would forget the moments of what goes on learning. In a phase only what learns
    has a gradient; AdamW leaves a parameter without one alone. What a phase thaws starts without
    moments, also where it had learned before: those would tell of a model long gone.
    `embedding` names the rows of the word embedding that the run reads; without it AdamW visits
    all of them, to the same end. `norms` takes in each step's gradients before they are clipped.
    """

    def __init__(
        self,
        tables: Sequence[ParameterTable],
        description: ModelDescription,
        parameters: Mapping[str, nn.Parameter],
        embedding: EmbeddingRows | None = None,
        norms: GradientNorms | None = None,
        *,
        weight_decay: float,
        max_grad_norm: float,
    ) -> None:
        self._embedding, self._norms = embedding, norms
        self._max_grad_norm = max_grad_norm
        self._stepped = {name: self._stepped_for(each) for name, each in parameters.items()}
        ever = {row.name for table in tables for row in table.rows if row.learning_rate is not None}
        flat = {t.name for t in description.tensors if t.bias or t.layernorm}
        gathered: dict[tuple[str, bool], list[nn.Parameter]] = {}
        for tensor in description.tensors:
            if tensor.name in ever and tensor.tied_to is None:
                group = (tensor.group, tensor.name in flat)
                gathered.setdefault(group, []).append(self._stepped[tensor.name])
        groups = [
            {"params": members, "group": group, "weight_decay": 0.0 if is_flat else weight_decay}
            for (group, is_flat), members in gathered.items()
        ]
        # torch refuses an optimiser of nothing; a plan that freezes all takes no step either.
        self._adamw = torch.optim.AdamW(groups, lr=0.0, fused=True) if groups else None
        self._phase_number = 0
        self._learning: frozenset[str] = frozenset()

    def step(self, table: ParameterTable, step: int, steps: int) -> dict[str, float]:
        """Clip, move what learns, drop every gradient. `step` counts from 1 within the phase.

        Returns the rate of each group that learned.
        """
        rates = group_rates(table, step, steps)
        if self._adamw is None:
            return rates
        if table.phase_number != self._phase_number:
            self._begin(table, self._adamw)
        if self._embedding is not None:
            self._embedding.take_gradient()
        for group in self._adamw.param_groups:
            group["lr"] = rates.get(group["group"], 0.0)
        self._clip(self._adamw)
        self._adamw.step()
        self._put_back(self._adamw)
        self._adamw.zero_grad(set_to_none=True)
        return rates

    def _clip(self, adamw: torch.optim.AdamW) -> None:
        """As `clip_grad_norm_` does; the norms that it takes anyway are told by group."""
        pairs = [
            (group["group"], each)
            for group in adamw.param_groups
            for each in group["params"]
            if each.grad is not None
        ]
        if not pairs:
            return
        moving = [each for _, each in pairs]
        norms = torch.stack([torch.linalg.vector_norm(each.grad) for each in moving])
        if self._norms is not None:
            self._norms.add([group for group, _ in pairs], norms)
        total = torch.linalg.vector_norm(norms)
        nn.utils.clip_grads_with_norm_(moving, self._max_grad_norm, total)

    def _stepped_for(self, parameter: nn.Parameter) -> nn.Parameter:
        """What AdamW steps in a parameter's stead."""
        if self._embedding is not None and parameter is self._embedding.weight:
            return self._embedding.part
        return parameter

    def _put_back(self, adamw: torch.optim.AdamW) -> None:
        """Bring the word embedding up to date if it learned in this step."""
        if self._embedding is None or self._embedding.part.grad is None:
            return
        for group in adamw.param_groups:
            if any(each is self._embedding.part for each in group["params"]):
                self._embedding.put_back(1 - group["lr"] * group["weight_decay"])

    def _begin(self, table: ParameterTable, adamw: torch.optim.AdamW) -> None:
        """Drop the moments of what this phase thaws; keep those of what goes on learning.

        A phase in which nothing learns takes no step: after one, everything is thawed anew.
        """
        if table.phase_number != self._phase_number + 1:
            self._learning = frozenset()
        learns = frozenset(
            row.name for row in table.rows if row.state is State.TRAINABLE and row.tied_to is None
        )
        for name in learns - self._learning:
            adamw.state.pop(self._stepped[name], None)
        self._phase_number, self._learning = table.phase_number, learns


def group_rates(table: ParameterTable, step: int, steps: int) -> dict[str, float]:
    """The learning rate of each group that learns, at `step` (from 1) of a phase's `steps`."""
    factor = rate_factor(table.plan.schedule, step, steps)
    learning = (row for row in table.rows if row.state is State.TRAINABLE)
    return {row.group: (row.learning_rate or 0.0) * factor for row in learning}
