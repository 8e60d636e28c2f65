"""AdamW for all phases of a run, with a learning rate per group."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.clipping import clipping_divisor
from mtl_core.models.description import ModelDescription
from mtl_core.training.embedding_rows import EmbeddingRows
from mtl_core.training.measures.movement import GradientNorms
from mtl_core.training.schedule import rate_factor

_BETAS = (0.9, 0.999)
_EPS = 1e-8


@dataclass(frozen=True)
class OptimizerGroup:
    """The names of parameters that AdamW updates at one rate, with one weight decay.

    `learning_rate` is that of the parameter table; the schedule multiplies it by a factor.
    """

    names: tuple[str, ...]
    learning_rate: float
    weight_decay: float


def optimizer_groups(
    table: ParameterTable, description: ModelDescription, weight_decay: float
) -> tuple[OptimizerGroup, ...]:
    """Return AdamW's groups of one phase, in the order of the table.

    `weight_decay` applies to all parameters except biases and LayerNorms.
    """
    rates = {row.name: row.learning_rate for row in table.rows if row.tied_to is None}
    gathered: dict[tuple[float, float], list[str]] = {}
    for tensor in description.tensors:
        rate = rates.get(tensor.name)
        if rate is not None:
            decay = 0.0 if tensor.bias or tensor.layernorm else weight_decay
            gathered.setdefault((rate, decay), []).append(tensor.name)
    return tuple(
        OptimizerGroup(tuple(names), rate, decay) for (rate, decay), names in gathered.items()
    )


@dataclass(frozen=True)
class _Updated:
    """A parameter that learns in some phase, with its group in the parameter table."""

    parameter: nn.Parameter
    group: str


class _Moments:
    """AdamW's state for one parameter: the number of its steps, and two moments of its shape."""

    def __init__(self, parameter: nn.Parameter) -> None:
        self.steps = torch.zeros((), device=parameter.device)
        self.first = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        self.second = torch.zeros_like(parameter, memory_format=torch.preserve_format)


class PlanOptimizer:
    """One AdamW for all phases.

    A new optimiser per phase would lose the moments of parameters that continue to learn.
    Parameters without a gradient are skipped, so frozen ones do not move. A parameter that a phase
    unfreezes starts without moments, even if it learned in an earlier phase, because those are
    outdated. `embedding` restricts the word embedding to the rows that the run reads; the result is
    the same without it, only slower. `norms` collects each step's gradient norms before clipping.
    `weight_decay` applies to all parameters except biases and LayerNorms.

    Calls torch's fused kernel, with one call for all parameters of the same rate and weight decay.
    The class `torch.optim.AdamW` imports torch's compiler, which takes a second.
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
        self._description, self._weight_decay = description, weight_decay
        self._max_grad_norm = max_grad_norm
        self._stepped = {name: self._stepped_for(each) for name, each in parameters.items()}
        self._updated = tuple(self._ever_updated(tables))
        self._groups: tuple[OptimizerGroup, ...] = ()
        self._moments: dict[nn.Parameter, _Moments] = {}
        self._phase_number = 0
        self._learning: frozenset[str] = frozenset()

    @torch.no_grad()
    def step(self, table: ParameterTable, step: int, steps: int) -> dict[str, float]:
        """Clip gradients, update parameters and delete all gradients.

        `step` counts from 1 within the phase of `table`, which has `steps`. Returns the learning
        rate of each group that learned.
        """
        rates = group_rates(table, step, steps)
        if table.phase_number != self._phase_number:
            self._start_phase(table)
        if self._embedding is not None:
            self._embedding.take_gradient()
        moving = [each for each in self._updated if each.parameter.grad is not None]
        if moving:
            factor = rate_factor(table.plan.schedule, step, steps)
            self._update(factor, self._clip(moving))
        for each in self._updated:
            each.parameter.grad = None
        return rates

    def _clip(self, moving: Sequence[_Updated]) -> Tensor | None:
        """Clip as `clip_grad_norm_` does, and record the norms by group."""
        gradients = [each.parameter.grad for each in moving]
        norms = torch.stack([torch.linalg.vector_norm(each) for each in gradients])
        if self._norms is not None:
            self._norms.add([each.group for each in moving], norms)
        total = torch.linalg.vector_norm(norms)
        return clipping_divisor([each.parameter for each in moving], total, self._max_grad_norm)

    def _update(self, factor: float, divisor: Tensor | None) -> None:
        """Take a step of AdamW at `factor` of the phase's rates.

        Gradients are divided by `divisor`.
        """
        for group in self._groups:
            rate, weight_decay = group.learning_rate * factor, group.weight_decay
            stepped = [self._stepped[name] for name in group.names]
            parameters = [each for each in stepped if each.grad is not None]
            if parameters:
                self._call_kernel(parameters, rate, weight_decay, divisor)
            if self._embedding is not None and any(p is self._embedding.part for p in parameters):
                self._embedding.write_back(1 - rate * weight_decay)

    def _call_kernel(
        self,
        parameters: list[nn.Parameter],
        rate: float,
        weight_decay: float,
        divisor: Tensor | None,
    ) -> None:
        moments = [self._moments_of(each) for each in parameters]
        adamw(
            list(parameters),
            [each.grad for each in parameters if each.grad is not None],
            [each.first for each in moments],
            [each.second for each in moments],
            [],
            [each.steps for each in moments],
            fused=True,
            grad_scale=divisor,
            amsgrad=False,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            lr=rate,
            weight_decay=weight_decay,
            eps=_EPS,
            maximize=False,
        )

    def _moments_of(self, parameter: nn.Parameter) -> _Moments:
        if parameter not in self._moments:
            self._moments[parameter] = _Moments(parameter)
        return self._moments[parameter]

    def _ever_updated(self, tables: Sequence[ParameterTable]) -> Iterator[_Updated]:
        """The parameters that learn in some phase, weights of a group before its flat ones."""
        ever = {row.name for table in tables for row in table.rows if row.learning_rate is not None}
        gathered: dict[tuple[str, bool], list[_Updated]] = {}
        for tensor in self._description.tensors:
            if tensor.name in ever and tensor.tied_to is None:
                each = _Updated(self._stepped[tensor.name], tensor.group)
                flat = tensor.bias or tensor.layernorm
                gathered.setdefault((tensor.group, flat), []).append(each)
        yield from chain.from_iterable(gathered.values())

    def _stepped_for(self, parameter: nn.Parameter) -> nn.Parameter:
        """Return the parameter that AdamW updates in place of this one."""
        if self._embedding is not None and parameter is self._embedding.weight:
            return self._embedding.part
        return parameter

    def complete_embedding(self) -> None:
        """Apply the weight decay of word embeddings that no training sentence reads.

        Call it before anything but a training step reads them.
        """
        if self._embedding is not None:
            self._embedding.decay_unread_rows()

    def state(self) -> dict[str, Tensor]:
        """The moments of all parameters that have some, and the gradient norms so far."""
        found = {}
        for name, parameter in self._stepped.items():
            if (moments := self._moments.get(parameter)) is not None:
                found[f"steps/{name}"] = moments.steps
                found[f"first/{name}"] = moments.first.contiguous()
                found[f"second/{name}"] = moments.second.contiguous()
        return found | (self._norms.state() if self._norms is not None else {})

    @property
    def pending_decay(self) -> float:
        """The weight decay of unread word embeddings that is still to be applied."""
        return 1.0 if self._embedding is None else self._embedding.pending_decay

    def load_state(self, state: Mapping[str, Tensor], pending_decay: float) -> None:
        """Restore what `state` and `pending_decay` returned; the weights are restored before."""
        if self._embedding is not None:
            self._embedding.read_weight(pending_decay)
        if self._norms is not None:
            self._norms.load_state(state)
        for name, parameter in self._stepped.items():
            if f"steps/{name}" in state:
                moments = self._moments_of(parameter)
                moments.steps.copy_(state[f"steps/{name}"])
                moments.first.copy_(state[f"first/{name}"])
                moments.second.copy_(state[f"second/{name}"])

    def continue_phase(self, table: ParameterTable) -> None:
        """Continue a phase in the middle: the restored moments belong to it."""
        kept = self._moments.copy()
        self._start_phase(table)
        self._moments = kept

    def _start_phase(self, table: ParameterTable) -> None:
        """Delete the moments of parameters that this phase unfreezes.

        A phase in which nothing learns takes no step; after it every parameter counts as unfrozen.
        """
        if table.phase_number != self._phase_number + 1:
            self._learning = frozenset()
        learns = frozenset(
            row.name for row in table.rows if row.state is State.TRAINABLE and row.tied_to is None
        )
        for name in learns - self._learning:
            self._moments.pop(self._stepped[name], None)
        self._phase_number, self._learning = table.phase_number, learns
        self._groups = optimizer_groups(table, self._description, self._weight_decay)


def group_rates(table: ParameterTable, step: int, steps: int) -> dict[str, float]:
    """Return the rate of each group that learns, at `step` (from 1) of a phase's `steps`.

    As in the parameter table, it is the highest of the group's tensors.
    """
    factor = rate_factor(table.plan.schedule, step, steps)
    rates = {group.name: group.learning_rate for group in table.groups}
    return {name: rate * factor for name, rate in rates.items() if rate is not None}
