"""Models to resolve plans against: those that ship, and small ones made by hand."""

from functools import cache

from mtl_core.freezing.plan import Phase, Plan
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.description import (
    BackboneDescription,
    BackboneTensor,
    ModelDescription,
    Role,
)
from mtl_core.tasks.task import DEFAULT_TASKS, Task, TaskKind

BOTH = (TaskKind.SENTENCE, TaskKind.TOKEN)


@cache
def shipped(name: str) -> ModelDescription:
    return ModelDescription(read_description(shipped_description(name)), DEFAULT_TASKS)


def tensor(
    name: str,
    *shape: int,
    role: Role = Role.LAYER,
    layer: int | None = None,
    tied_to: str | None = None,
    reached_by: tuple[TaskKind, ...] = BOTH,
) -> BackboneTensor:
    return BackboneTensor(
        name=name,
        shape=shape,
        dtype="float32",
        role=role,
        layer=layer,
        bias=name.endswith(".bias"),
        layernorm=".norm." in name,
        tied_to=tied_to,
        reached_by=reached_by,
    )


def model_of(
    *tensors: BackboneTensor,
    depth: int = 2,
    layers: int | None = None,
    tasks: tuple[Task, ...] = DEFAULT_TASKS,
) -> ModelDescription:
    backbone = BackboneDescription(
        architecture="tiny",
        prefix="tiny",
        hidden_size=8,
        depth=depth,
        layers=depth if layers is None else layers,
        heads_per_layer=2,
        intermediate_size=16,
        vocabulary_size=10,
        max_positions=16,
        tensors=tensors,
    )
    return ModelDescription(backbone, tasks)


def two_layers() -> ModelDescription:
    """80 + 64 + 8 + 64 + 8 + 64 + 8 = 296 in the backbone, 18 + 36 in the heads."""
    return model_of(
        tensor("tiny.embeddings.weight", 10, 8, role=Role.EMBEDDINGS),
        tensor("tiny.layer.0.dense.weight", 8, 8, layer=0),
        tensor("tiny.layer.0.norm.bias", 8, layer=0),
        tensor("tiny.layer.1.dense.weight", 8, 8, layer=1),
        tensor("tiny.layer.1.norm.bias", 8, layer=1),
        tensor("tiny.pooler.weight", 8, 8, role=Role.POOLER, reached_by=()),
        tensor("tiny.final.norm.bias", 8, role=Role.BESIDE),
    )


def shared_stack() -> ModelDescription:
    """Twelve layers with one set of weights, as ALBERT has."""
    return model_of(
        tensor("tiny.embeddings.weight", 10, 8, role=Role.EMBEDDINGS),
        tensor("tiny.group.0.dense.weight", 8, 8, layer=0),
        depth=12,
        layers=1,
    )


def tied_model() -> ModelDescription:
    """Layer 1 bears the tensor of layer 0 under a second name."""
    return model_of(
        tensor("tiny.embeddings.weight", 10, 8, role=Role.EMBEDDINGS),
        tensor("tiny.layer.0.dense.weight", 8, 8, layer=0),
        tensor("tiny.layer.1.dense.weight", 8, 8, layer=1, tied_to="tiny.layer.0.dense.weight"),
        tensor("tiny.layer.1.norm.bias", 8, layer=1),
    )


def plan_of(*train: str, **values: object) -> Plan:
    phases = (Phase(name="only", train=train),)
    return Plan.model_validate({"name": "mine", "phases": phases, **values})
