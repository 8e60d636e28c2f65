"""What a model is made of, as a value: every tensor, its place, its ties, and who reaches it.

A description needs no weights and no torch to read. It is made once by `models.describe` on
torch's meta device and shipped for the catalogue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import prod

from mtl_core.tasks.task import Task, TaskKind
from mtl_core.values import Frozen


class Role(StrEnum):
    """Where in the backbone a tensor lives."""

    EMBEDDINGS = "embeddings"  # beside and with the input embedding, below the stack
    LAYER = "layer"  # inside the stack of layers
    POOLER = "pooler"  # the module named so that only a sentence vector would use
    BESIDE = "beside"  # none of these: final norms, relative-position tables, projections
    HEAD = "head"  # one task's linear head


class BackboneTensor(Frozen):
    """One name of `named_parameters(remove_duplicate=False)` of the bare backbone.

    `name` carries the architecture's prefix (`bert.encoder.layer.0…`). `layer` counts from 0 at
    the bottom. `tied_to` is the first name of the same tensor, if this is not it.
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
    """A checkpoint's architecture, read from its configuration alone."""

    architecture: str  # transformers' model_type, e.g. "bert"
    prefix: str  # base_model_prefix, e.g. "bert"
    hidden_size: int
    depth: int  # layers a token passes through
    layers: int  # layers with weights of their own: 1 where all share one set (ALBERT)
    heads_per_layer: int
    intermediate_size: int
    vocabulary_size: int
    max_positions: int | None  # None: no limit in the architecture
    tensors: tuple[BackboneTensor, ...]

    @property
    def total(self) -> int:
        """Parameters of the bare backbone, each tensor once."""
        return sum(prod(tensor.shape) for tensor in self.tensors if tensor.tied_to is None)

    @property
    def shares_layers(self) -> bool:
        """Whether all layers of the stack are one set of weights."""
        return self.layers < self.depth


@dataclass(frozen=True, slots=True)
class ModelTensor:
    """One tensor of the whole model, heads included.

    `group` is what the table and the picture gather by: `embeddings`, `layer 0` …, `pooler`,
    the first dotted part of anything beside the stack, or the head's name.
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
        """Parameters in it; a tied name adds nothing to the model."""
        return 0 if self.tied_to else prod(self.shape)


@dataclass(frozen=True)
class ModelDescription:
    """A backbone with one linear head for each task: what a plan is resolved against.

    `tensors` stand in the order of `named_parameters()`: backbone, then heads in task order.
    """

    backbone: BackboneDescription
    tasks: tuple[Task, ...]

    @cached_property
    def tensors(self) -> tuple[ModelTensor, ...]:
        """Every tensor, tied names included."""
        backbone = (self._of_backbone(tensor) for tensor in self.backbone.tensors)
        heads = (tensor for task in self.tasks for tensor in self._of_head(task))
        return (*backbone, *heads)

    @cached_property
    def total(self) -> int:
        """Parameters of the model, each tensor once."""
        return sum(tensor.count for tensor in self.tensors)

    def _of_backbone(self, tensor: BackboneTensor) -> ModelTensor:
        reached_by = tuple(task.name for task in self.tasks if task.kind in tensor.reached_by)
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
