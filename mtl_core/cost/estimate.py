"""What one training step of a plan keeps and computes, from a cost profile, in milliseconds.

Everything is counted for full batches in float32 and at every position, a multiply-add as 2 FLOPs;
only matrix products count as FLOPs. A run takes less: its sentences are shorter, and it runs the
last layer where a label is read (`models.narrowing`). Kept are the activations that autograd saves
on the CPU, each storage once, without the batch itself and without weights.
"""

from dataclasses import dataclass

from mtl_core.cost.profile import Cause, CostProfile, KeptTerm
from mtl_core.freezing.table import ParameterTable, State, layers_crossed
from mtl_core.models.description import ModelDescription, Role
from mtl_core.tasks.task import Task, TaskKind

FLOAT_BYTES = 4
ADAMW_BYTES = 2 * FLOAT_BYTES  # two moments of each parameter


@dataclass(frozen=True, slots=True)
class StepCost:
    """One step of a phase: FLOPs, and bytes of memory by what they are for.

    `reused_forward_flops` is the forward pass where the frozen part below the lowest tensor that
    learns has been computed once and stored.
    """

    batch_size: int
    max_length: int
    forward_flops: int
    backward_flops: int
    reused_forward_flops: int
    saved_activation_bytes: int
    gradient_bytes: int
    optimizer_bytes: int
    weight_bytes: int

    @property
    def flops(self) -> int:
        """Forward and backward."""
        return self.forward_flops + self.backward_flops

    @property
    def reused_flops(self) -> int:
        """The same with the frozen part reused."""
        return self.reused_forward_flops + self.backward_flops

    @property
    def memory_bytes(self) -> int:
        """All four kinds of memory together."""
        return (
            self.weight_bytes
            + self.gradient_bytes
            + self.optimizer_bytes
            + self.saved_activation_bytes
        )


def step_cost(
    profile: CostProfile,
    model: ModelDescription,
    table: ParameterTable,
    batch_size: int,
    max_length: int,
) -> StepCost:
    """What one step of the phase in `table` costs, for `batch_size` sentences of `max_length`.

    A length above what the checkpoint has positions for is brought down to that, as data are.
    """
    tokens = min(max_length, model.backbone.max_positions or max_length)
    states = {row.name: row.state for row in table.rows}
    learning = _Learning(profile, {name for name, s in states.items() if s is State.TRAINABLE})
    heads = _heads(model, table, batch_size, tokens, learning.anything)
    kept = sum(term.bytes.of(batch_size, tokens) for term in profile.kept if learning.any(term))
    backward = sum(
        term.flops.of(batch_size, tokens)
        for term in profile.backward
        if learning.brings_about(term.cause)
    )
    places = [amount.of(batch_size, tokens) for amount in profile.forward]
    trainable = table.totals.trainable
    return StepCost(
        batch_size=batch_size,
        max_length=tokens,
        forward_flops=sum(places) + heads.forward_flops,
        backward_flops=backward + heads.backward_flops,
        reused_forward_flops=_above_boundary(places, model, table) + heads.forward_flops,
        saved_activation_bytes=kept + heads.kept_bytes,
        gradient_bytes=FLOAT_BYTES * trainable,
        optimizer_bytes=ADAMW_BYTES * trainable,
        weight_bytes=FLOAT_BYTES * table.totals.all,
    )


class _Learning:
    """Which tensors of a profile learn, asked for again and again."""

    def __init__(self, profile: CostProfile, names: set[str]) -> None:
        self._numbers = {n for n, name in enumerate(profile.tensors) if name in names}
        self._lowest = min(self._numbers, default=len(profile.tensors))
        self._training = [not self._numbers.isdisjoint(part) for part in profile.parts]

    @property
    def anything(self) -> bool:
        """Whether the gradient enters the backbone at all."""
        return bool(self._numbers)

    def any(self, term: KeptTerm) -> bool:
        """Whether one of a term's causes holds."""
        return any(map(self.brings_about, term.causes))

    def brings_about(self, cause: Cause) -> bool:
        """Whether a tensor of the cause learns, and its parts run in the modes it speaks of."""
        learns = self._lowest < cause.below or not self._numbers.isdisjoint(cause.also)
        return (
            learns
            and all(self._training[part] for part in cause.training)
            and not any(self._training[part] for part in cause.resting)
        )


@dataclass(frozen=True, slots=True)
class _Heads:
    forward_flops: int
    backward_flops: int
    kept_bytes: int


def _heads(
    model: ModelDescription, table: ParameterTable, batch_size: int, tokens: int, entered: bool
) -> _Heads:
    """The heads' part: linear layers on a dropped-out last hidden state, and their losses.

    `entered`: whether the gradient goes on into the backbone. Dropout keeps its mask then; what it
    gives is kept where a head's weight learns.
    """
    learning = {row.name for row in table.rows if row.state is State.TRAINABLE}
    teaching = [task for task in model.tasks if table.plan.task_weights.get(task.name, 1.0) > 0]
    width = model.backbone.hidden_size
    hidden_bytes = FLOAT_BYTES * batch_size * tokens * width
    backward = losses = 0
    any_weight = False
    for task in teaching:
        weight, bias = f"{task.head}.weight" in learning, f"{task.head}.bias" in learning
        any_weight |= weight
        places = _places(task, batch_size, tokens)
        backward += 2 * places * width * len(task.outputs) * (weight + entered)
        if weight or bias or entered:
            losses += FLOAT_BYTES * places * len(task.outputs)
    return _Heads(
        forward_flops=sum(
            2 * _places(task, batch_size, tokens) * width * len(task.outputs)
            for task in model.tasks
        ),
        backward_flops=backward,
        kept_bytes=hidden_bytes * (any_weight + entered) + losses,
    )


def _places(task: Task, batch_size: int, tokens: int) -> int:
    """How often a head is applied in a batch."""
    return batch_size if task.kind is TaskKind.SENTENCE else batch_size * tokens


def _above_boundary(places: list[int], model: ModelDescription, table: ParameterTable) -> int:
    """Forward FLOPs of the backbone above the lowest tensor that learns in it."""
    backbone_learns = any(
        row.state is State.TRAINABLE and row.role is not Role.HEAD for row in table.rows
    )
    if not backbone_learns:
        return 0
    crossed = layers_crossed(table, model.backbone)
    return sum(places) if crossed == model.backbone.depth else sum(places[-1 - crossed :])
