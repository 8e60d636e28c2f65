"""AdamW for all phases of a run, with a learning rate per group."""

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.clipping import clip_before_step
from mtl_core.models.description import ModelDescription
from mtl_core.training.embedding_rows import EmbeddingRows
from mtl_core.training.measures.movement import GradientNorms
from mtl_core.training.schedule import rate_factor


class PlanOptimizer:
    """One AdamW for all phases.

    All parameter groups exist from the start: adding groups later breaks a scheduler, and a new
    optimiser per phase would lose the moments of parameters that continue to learn. AdamW skips
    parameters without a gradient, so frozen ones do not move. A parameter that a phase unfreezes
    starts without moments, even if it learned in an earlier phase, because those are outdated.
    `embedding` restricts the word embedding to the rows that the run reads; the result is the same
    without it, only slower. `norms` collects each step's gradient norms before clipping.
    `weight_decay` applies to all parameters except biases and LayerNorms.
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
        # torch rejects an optimiser without parameters; a fully frozen plan takes no step anyway.
        self._adamw = torch.optim.AdamW(groups, lr=0.0, fused=True) if groups else None
        self._phase_number = 0
        self._learning: frozenset[str] = frozenset()

    def step(self, table: ParameterTable, step: int, steps: int) -> dict[str, float]:
        """Clip gradients, update parameters and delete all gradients.

        `step` counts from 1 within the phase of `table`, which has `steps`. Returns the learning
        rate of each group that learned.
        """
        rates = group_rates(table, step, steps)
        if self._adamw is None:
            return rates
        if table.phase_number != self._phase_number:
            self._start_phase(table, self._adamw)
        if self._embedding is not None:
            self._embedding.take_gradient()
        for group in self._adamw.param_groups:
            group["lr"] = rates.get(group["group"], 0.0)
        self._clip(self._adamw)
        self._adamw.step()
        self._update_embedding(self._adamw)
        self._adamw.zero_grad(set_to_none=True)
        return rates

    def _clip(self, adamw: torch.optim.AdamW) -> None:
        """Clip as `clip_grad_norm_` does, and record the norms by group."""
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
        clip_before_step(adamw, moving, total, self._max_grad_norm)

    def _stepped_for(self, parameter: nn.Parameter) -> nn.Parameter:
        """Return the parameter that AdamW updates in place of this one."""
        if self._embedding is not None and parameter is self._embedding.weight:
            return self._embedding.part
        return parameter

    def _update_embedding(self, adamw: torch.optim.AdamW) -> None:
        """Copy the updated rows into the word embedding if it learned in this step."""
        if self._embedding is None or self._embedding.part.grad is None:
            return
        for group in adamw.param_groups:
            if any(each is self._embedding.part for each in group["params"]):
                self._embedding.write_back(1 - group["lr"] * group["weight_decay"])

    def complete_embedding(self) -> None:
        """Apply the weight decay of word embeddings that no training sentence reads.

        Call it before anything but a training step reads them.
        """
        if self._embedding is not None:
            self._embedding.decay_unread_rows()

    def _start_phase(self, table: ParameterTable, adamw: torch.optim.AdamW) -> None:
        """Delete the moments of parameters that this phase unfreezes.

        A phase in which nothing learns takes no step; after it every parameter counts as unfrozen.
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
    """Return the rate of each group that learns, at `step` (from 1) of a phase's `steps`."""
    factor = rate_factor(table.plan.schedule, step, steps)
    learning = (row for row in table.rows if row.state is State.TRAINABLE)
    return {row.group: (row.learning_rate or 0.0) * factor for row in learning}
