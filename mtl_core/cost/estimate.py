"""Estimate the memory and FLOPs of one training step of a plan from a cost profile.

Costs are for full batches in float32 with every position; a multiply-add counts as 2 FLOPs, and
only matrix products are counted. A run costs less, because its sentences are shorter and the last
layer may run only at positions with a label (`models.narrowing`). Saved activations are those of
autograd on the CPU: each storage once, without the batch itself and without weights.
"""

from dataclasses import dataclass

from mtl_core.cost.profile import Cause, CostProfile, SavedTerm
from mtl_core.freezing.table import ParameterTable, State, layers_crossed
from mtl_core.models.description import ModelDescription, Role
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.tasks.task import Task, TaskKind

FLOAT_BYTES = 4
ADAMW_BYTES = 2 * FLOAT_BYTES  # two moments of each parameter


@dataclass(frozen=True, slots=True)
class StepCost:
    """The cost of one step of a phase: FLOPs, and memory in bytes by use.

    `reused_forward_flops` is the forward pass if the output of the frozen part below the lowest
    trainable tensor is stored and reused; the whole pass if it cannot be reused.
    `training_mode_bytes` are the activations of the parts that run in training mode, saved or not:
    the time of dropout masks is proportional to them.
    """

    batch_size: int
    max_length: int
    forward_flops: int
    backward_flops: int
    reused_forward_flops: int
    saved_activation_bytes: int
    training_mode_bytes: int
    gradient_bytes: int
    optimizer_bytes: int
    weight_bytes: int
    frozen_dropout: bool = False

    @property
    def flops(self) -> int:
        """Forward and backward."""
        return self.forward_flops + self.backward_flops

    @property
    def reused_flops(self) -> int:
        """Forward and backward with the frozen part reused."""
        return self.reused_forward_flops + self.backward_flops

    @property
    def memory_bytes(self) -> int:
        """Weights, gradients, optimizer states and saved activations together."""
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
    *,
    frozen_dropout: bool = False,
) -> StepCost:
    """Estimate one step of the phase in `table`, with `batch_size` sentences of `max_length`.

    `max_length` is limited to the number of positions of the checkpoint, as in training. With
    `frozen_dropout` frozen layers run in training mode too, and nothing is reused.
    """
    tokens = min(max_length, model.backbone.max_positions or max_length)
    names = {row.name for row in table.rows if row.state is State.TRAINABLE}
    active = _ActiveTerms(profile, names, frozen_dropout)
    heads = _heads(model, table, batch_size, tokens, active.backbone_is_trained)
    saved = _saved_bytes(profile, active, batch_size, tokens)
    everything = _ActiveTerms(profile, set(profile.tensors), frozen_dropout)
    in_training = _saved_bytes(profile, everything, batch_size, tokens) if frozen_dropout else saved
    backward = sum(
        term.flops.of(batch_size, tokens) for term in profile.backward if active.holds(term.cause)
    )
    forward = [amount.of(batch_size, tokens) for amount in profile.forward]
    above = sum(forward) if frozen_dropout else _above_frozen_part(forward, model, table)
    trainable = table.totals.trainable
    return StepCost(
        batch_size=batch_size,
        max_length=tokens,
        forward_flops=sum(forward) + heads.forward_flops,
        backward_flops=backward + heads.backward_flops,
        reused_forward_flops=above + heads.forward_flops,
        saved_activation_bytes=saved + heads.saved_bytes,
        training_mode_bytes=in_training + heads.saved_bytes,
        gradient_bytes=FLOAT_BYTES * trainable,
        optimizer_bytes=ADAMW_BYTES * trainable,
        weight_bytes=FLOAT_BYTES * table.totals.all,
        frozen_dropout=frozen_dropout,
    )


def _saved_bytes(profile: CostProfile, active: "_ActiveTerms", batch_size: int, tokens: int) -> int:
    """The activations of the backbone that are saved for the backward pass."""
    return sum(term.bytes.of(batch_size, tokens) for term in profile.kept if active.saves(term))


class _ActiveTerms:
    """Evaluates the causes of a profile's terms for a set of trainable tensors.

    `in_training_mode`: every part runs in training mode, whether it is trained or not.
    """

    def __init__(
        self, profile: CostProfile, trainable: set[str], in_training_mode: bool = False
    ) -> None:
        self._numbers = {n for n, name in enumerate(profile.tensors) if name in trainable}
        self._lowest = min(self._numbers, default=len(profile.tensors))
        self._training = [
            in_training_mode or not self._numbers.isdisjoint(part) for part in profile.parts
        ]

    @property
    def backbone_is_trained(self) -> bool:
        """Whether any tensor of the backbone is trainable."""
        return bool(self._numbers)

    def saves(self, term: SavedTerm) -> bool:
        """Whether one of the term's causes holds."""
        return any(map(self.holds, term.causes))

    def holds(self, cause: Cause) -> bool:
        """Whether a tensor of the cause is trainable and its parts run in the given modes."""
        trains = self._lowest < cause.below or not self._numbers.isdisjoint(cause.also)
        return (
            trains
            and all(self._training[part] for part in cause.training)
            and not any(self._training[part] for part in cause.resting)
        )


@dataclass(frozen=True, slots=True)
class _Heads:
    forward_flops: int
    backward_flops: int
    saved_bytes: int


def _heads(
    model: ModelDescription,
    table: ParameterTable,
    batch_size: int,
    tokens: int,
    backbone_is_trained: bool,
) -> _Heads:
    """The cost of the heads: dropout on what they read, linear layers and losses.

    If the backbone is trained, dropout saves its mask. If a head's weight is trained, the output
    of dropout is saved. Heads that read the first token share the dropout of all tokens; a mean or
    the pooler's output has its own. The mean itself is no matrix product and saves nothing.
    """
    trainable = {row.name for row in table.rows if row.state is State.TRAINABLE}
    weighted = [task for task in model.tasks if table.plan.task_weights.get(task.name, 1.0) > 0]
    width = model.backbone.hidden_size
    pooler = _pooler(model, trainable, weighted, batch_size, backbone_is_trained)
    read: dict[int, set[bool]] = {}  # by number of rows: does a weight read them, is a mask saved
    backward, losses = pooler.backward_flops, pooler.saved_bytes
    for task in weighted:
        weight, bias = f"{task.head}.weight" in trainable, f"{task.head}.bias" in trainable
        below = backbone_is_trained or (_is_pooled(model, task) and pooler.trained)
        positions = _positions(task, batch_size, tokens)
        rows = batch_size if _is_separate(model, task) else batch_size * tokens
        saved = read.setdefault(rows, set())
        saved |= {True} if weight else set()
        saved |= {False} if below else set()
        backward += 2 * positions * width * len(task.outputs) * (weight + below)
        if weight or bias or below:
            losses += FLOAT_BYTES * positions * len(task.outputs)
    return _Heads(
        forward_flops=sum(
            2 * _positions(task, batch_size, tokens) * width * len(task.outputs)
            for task in model.tasks
        ),
        backward_flops=backward,
        saved_bytes=sum(FLOAT_BYTES * rows * width * len(each) for rows, each in read.items())
        + losses,
    )


@dataclass(frozen=True, slots=True)
class _Pooler:
    trained: bool
    backward_flops: int
    saved_bytes: int


def _pooler(
    model: ModelDescription,
    trainable: set[str],
    weighted: list[Task],
    batch_size: int,
    backbone_is_trained: bool,
) -> _Pooler:
    """The cost of the pooler's backward pass: a linear layer with an activation on first tokens.

    Its forward pass is part of the profile. It saves its input if its weight is trained, and its
    output for the activation.
    """
    trained = not trainable.isdisjoint(model.backbone.pooler)
    if not any(_is_pooled(model, task) for task in weighted):
        return _Pooler(trained=False, backward_flops=0, saved_bytes=0)
    width = model.backbone.hidden_size
    shapes = {tensor.name: tensor.shape for tensor in model.backbone.tensors}
    weight = any(name in trainable and len(shapes[name]) > 1 for name in model.backbone.pooler)
    return _Pooler(
        trained=trained,
        backward_flops=2 * batch_size * width**2 * (weight + backbone_is_trained),
        saved_bytes=FLOAT_BYTES * batch_size * width * (weight + (trained or backbone_is_trained)),
    )


def _is_separate(model: ModelDescription, task: Task) -> bool:
    """Whether the head reads a vector of each sentence that is not a last hidden state."""
    first_token = model.sentence_vector is SentenceVector.FIRST_TOKEN
    return task.kind is TaskKind.SENTENCE and not first_token


def _is_pooled(model: ModelDescription, task: Task) -> bool:
    return task.kind is TaskKind.SENTENCE and model.reads_pooler


def _positions(task: Task, batch_size: int, tokens: int) -> int:
    """The number of vectors in a batch that a head is applied to."""
    return batch_size if task.kind is TaskKind.SENTENCE else batch_size * tokens


def _above_frozen_part(forward: list[int], model: ModelDescription, table: ParameterTable) -> int:
    """Forward FLOPs of the backbone from its lowest trainable tensor upwards; 0 if it has none."""
    if not any(row.state is State.TRAINABLE and row.role is not Role.HEAD for row in table.rows):
        return 0
    crossed = layers_crossed(table, model.backbone)
    return sum(forward) if crossed == model.backbone.depth else sum(forward[-1 - crossed :])
