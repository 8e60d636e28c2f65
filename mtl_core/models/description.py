"""The description of a model: all tensors with layer, role, ties, and the tasks that reach them.

Reading a description needs neither weights nor torch. `models.describe` computes it on torch's
meta device; descriptions of the catalogue are shipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from math import prod

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.values import Frozen


class Role(StrEnum):
    """The part of the model that a tensor belongs to."""

    EMBEDDINGS = "embeddings"  # the input embedding and its neighbours, below the stack
    LAYER = "layer"  # inside the stack of layers, or used right after one, as a final norm is
    POOLER = "pooler"  # the module called pooler; read by heads with the sentence vector `pooler`
    BESIDE = "beside"  # other: below the layers (relative positions, projections), or never reached
    HEAD = "head"  # one task's linear head


ABOVE_LAYERS = (Role.POOLER, Role.HEAD)
"""The parts of the model that read the last hidden state; no layer runs on their outputs."""


class BackboneTensor(Frozen):
    """One name of `named_parameters(remove_duplicate=False)` of the bare backbone.

    `name` starts with the architecture's prefix (`bert.encoder.layer.0…`). `layer` counts from 0
    at the bottom. `tied_to` is the first name of the same tensor; None if this is the first.
    `reached_by` are the kinds of head whose loss sends it a gradient.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    role: Role
    layer: int | None = None
    bias: bool = False
    layernorm: bool = False
    tied_to: str | None = None
    reached_by: tuple[TaskKind, ...] = ()


class BackboneDescription(Frozen):
    """A checkpoint's architecture, derived from its configuration.

    `pooler` are the names of the tensors that the pooler's output depends on, but the last hidden
    state does not. It is empty if the architecture has no pooler. `notes` are sentences on what has
    no effect in the configuration; those of the catalogue have none.
    """

    architecture: str  # transformers' model_type, e.g. "bert"
    prefix: str  # base_model_prefix, e.g. "bert"
    hidden_size: int
    depth: int  # layers a token passes through
    layers: int  # sets of layer weights: 1 if all layers share one (ALBERT)
    heads_per_layer: int
    intermediate_size: int
    vocabulary_size: int
    max_positions: int | None  # None: no limit in the architecture
    pooler: tuple[str, ...] = ()
    tensors: tuple[BackboneTensor, ...]
    notes: tuple[str, ...] = ()

    @property
    def sentence_vectors(self) -> tuple[SentenceVector, ...]:
        """The sentence vectors that this architecture has."""
        own = (SentenceVector.POOLER,) if self.pooler else ()
        return (SentenceVector.FIRST_TOKEN, SentenceVector.MEAN, *own)

    @property
    def total(self) -> int:
        """Number of parameters of the bare backbone, each tensor counted once."""
        return sum(prod(tensor.shape) for tensor in self.tensors if tensor.tied_to is None)

    @property
    def shares_layers(self) -> bool:
        """Whether layers share weights."""
        return self.layers < self.depth


@dataclass(frozen=True, slots=True)
class ModelTensor:
    """One tensor of the whole model, heads included.

    `group` is the row of the parameter table: `embeddings`, `layer 0` …, `pooler`, the module's
    name for other tensors, or the head's name.
    """

    name: str
    shape: tuple[int, ...]
    role: Role
    group: str
    layer: int | None
    bias: bool
    layernorm: bool
    tied_to: str | None
    reached_by: tuple[str, ...]  # task names

    @property
    def count(self) -> int:
        """Number of parameters; 0 for a tied name."""
        return 0 if self.tied_to else prod(self.shape)


@dataclass(frozen=True)
class ModelDescription:
    """A backbone with one linear head per task. Plans are resolved against it.

    `sentence_vector` is what sentence heads read. `tensors` are in the order of
    `named_parameters()`: backbone, then heads in task order.
    Raises UnsupportedArchitecture for a pooler that the architecture does not have.
    """

    backbone: BackboneDescription
    tasks: tuple[Task, ...]
    sentence_vector: SentenceVector = SentenceVector.FIRST_TOKEN

    def __post_init__(self) -> None:
        if self.sentence_vector not in self.backbone.sentence_vectors:
            raise UnsupportedArchitecture(no_pooler(self.backbone.architecture))

    def reading(self, sentence_vector: SentenceVector) -> "ModelDescription":
        """Return the same model with another sentence vector. Raises UnsupportedArchitecture."""
        return replace(self, sentence_vector=sentence_vector)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        """The hash of all fields; plans are resolved many times against the same model."""
        return hash((self.backbone, self.tasks, self.sentence_vector))

    @property
    def reads_pooler(self) -> bool:
        """Whether sentence heads read the pooler's output."""
        return self.sentence_vector is SentenceVector.POOLER

    @cached_property
    def tensors(self) -> tuple[ModelTensor, ...]:
        """All tensors, including tied names."""
        backbone = (self._of_backbone(tensor) for tensor in self.backbone.tensors)
        heads = (tensor for task in self.tasks for tensor in self._of_head(task))
        return (*backbone, *heads)

    @cached_property
    def total(self) -> int:
        """Number of parameters of the model, each tensor counted once."""
        return sum(tensor.count for tensor in self.tensors)

    def _of_backbone(self, tensor: BackboneTensor) -> ModelTensor:
        reached_by = tuple(task.name for task in self.tasks if self._reaches(task, tensor))
        return ModelTensor(
            name=tensor.name,
            shape=tensor.shape,
            role=tensor.role,
            group=_group(tensor),
            layer=tensor.layer,
            bias=tensor.bias,
            layernorm=tensor.layernorm,
            tied_to=tensor.tied_to,
            reached_by=reached_by,
        )

    def _reaches(self, task: Task, tensor: BackboneTensor) -> bool:
        """Whether the loss of `task` sends a gradient to a tensor of the backbone."""
        if task.kind is TaskKind.SENTENCE and self.reads_pooler:
            names = (tensor.name, tensor.tied_to)
            return task.kind in tensor.reached_by or any(n in self.backbone.pooler for n in names)
        return task.kind in tensor.reached_by

    def _of_head(self, task: Task) -> Sequence[ModelTensor]:
        width, labels = self.backbone.hidden_size, len(task.outputs)
        return tuple(
            ModelTensor(
                name=f"{task.head}.{part}",
                shape=shape,
                role=Role.HEAD,
                group=task.head,
                layer=None,
                bias=part == "bias",
                layernorm=False,
                tied_to=None,
                reached_by=(task.name,),
            )
            for part, shape in (("weight", (labels, width)), ("bias", (labels,)))
        )


def _group(tensor: BackboneTensor) -> str:
    match tensor.role:
        case Role.LAYER:
            return f"layer {tensor.layer}"
        case Role.BESIDE:
            return tensor.name.removesuffix(".weight").removesuffix(".bias")
        case _:
            return str(tensor.role)


def no_pooler(architecture: str) -> str:
    """The message for the sentence vector `pooler` of an architecture without a pooler."""
    return (
        f"'{architecture}' has no pooler that a sentence head can read. Choose another sentence "
        "vector: first-token or mean."
    )
