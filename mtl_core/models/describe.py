"""Make the description of a checkpoint's architecture: no weights, about a second for BERT base.

As a command it writes the descriptions that are shipped for the catalogue:

    python -m mtl_core.models.describe --catalogue
"""

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import nn

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.architecture import position_limit, prefix_of, read_architecture, traced
from mtl_core.models.cache import shipped_description, write_description
from mtl_core.models.catalogue import catalogue, entry
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.depth import LayerStack, find_stack
from mtl_core.models.description import BackboneDescription, BackboneTensor, Role
from mtl_core.models.reach import reach
from mtl_core.tasks.task import TaskKind

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

Reach = Mapping[str, tuple[TaskKind, ...]]


def describe(checkpoint: "Checkpoint | PreTrainedConfig") -> BackboneDescription:
    """Every tensor of the bare backbone, with its layer, role, ties and reach.

    Raises what `read_architecture`, `traced` and `find_stack` raise for a configuration that is
    not one of a text encoder with a stack of layers.
    """
    if isinstance(checkpoint, Checkpoint):
        return traced(read_architecture(checkpoint.config_file), _describe)
    return traced(checkpoint, _describe)


def _describe(model: "PreTrainedModel", input_ids: torch.Tensor) -> BackboneDescription:
    config = model.config
    embedding_path, embedding = _input_embedding(model)
    stack = find_stack(model, input_ids)
    reached = reach(model, input_ids)
    with torch.no_grad():
        hidden_size = model(input_ids=input_ids).last_hidden_state.shape[-1]
    return BackboneDescription(
        architecture=config.model_type,
        prefix=prefix_of(model),
        hidden_size=hidden_size,
        depth=stack.depth,
        layers=len(stack.paths),
        heads_per_layer=getattr(config, "num_attention_heads", 0),
        intermediate_size=_intermediate_size(model, stack),
        vocabulary_size=embedding.num_embeddings,
        max_positions=position_limit(model),
        tensors=tuple(_tensors(model, stack, embedding_path, reached)),
    )


def _tensors(
    model: "PreTrainedModel", stack: LayerStack, embedding_path: str, reached: Reach
) -> Iterator[BackboneTensor]:
    prefix = prefix_of(model)
    embeddings = _embeddings_root(embedding_path, stack)
    for name, parameter, owner in named_with_owner(model):
        module_path, _, last = name.rpartition(".")
        yield BackboneTensor(
            name=f"{prefix}.{name}",
            shape=tuple(parameter.shape),
            dtype=str(parameter.dtype).removeprefix("torch."),
            role=_role(name, stack, embeddings),
            layer=stack.layer_of(name),
            bias=last == "bias" or last.endswith("_bias"),
            layernorm="Norm" in type(model.get_submodule(module_path)).__name__,
            tied_to=None if owner == name else f"{prefix}.{owner}",
            reached_by=reached[owner],
        )


def named_with_owner(module: nn.Module) -> Iterator[tuple[str, nn.Parameter, str]]:
    """Every name of every parameter, with the first name of the same one: its owner.

    The order is that of `named_parameters(remove_duplicate=False)`.
    """
    owners: dict[int, str] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        yield name, parameter, owners.setdefault(id(parameter), name)


def _role(name: str, stack: LayerStack, embeddings: str) -> Role:
    if stack.layer_of(name) is not None:
        return Role.LAYER
    if name.startswith(f"{embeddings}."):
        return Role.EMBEDDINGS
    return Role.POOLER if name.partition(".")[0] == "pooler" else Role.BESIDE


def _embeddings_root(embedding_path: str, stack: LayerStack) -> str:
    """The outermost module that holds the input embedding and not the stack."""
    parts = embedding_path.split(".")
    ancestors = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return next(
        (path for path in ancestors if not stack.container.startswith(f"{path}.")), embedding_path
    )


def _input_embedding(model: "PreTrainedModel") -> tuple[str, nn.Embedding]:
    try:
        embedding = model.get_input_embeddings()
    except NotImplementedError:
        embedding = None
    for name, module in model.named_modules():
        if module is embedding and isinstance(module, nn.Embedding):
            return name, module
    raise UnsupportedArchitecture(
        f"'{model.config.model_type}' has no single table of token embeddings. Choose a text "
        "encoder that has one, e.g. bert or roberta."
    )


def _intermediate_size(model: "PreTrainedModel", stack: LayerStack) -> int:
    """The inner width of a layer's feed-forward part.

    Where the configuration does not call it `intermediate_size`, it is what the layer's widest
    projection back takes in.
    """
    stated = getattr(model.config, "intermediate_size", None)
    if isinstance(stated, int):
        return stated
    layer = model.get_submodule(stack.paths[0])
    linears = (module for module in layer.modules() if isinstance(module, nn.Linear))
    return max((linear.in_features for linear in linears), default=0)


def entries_asked(prog: str) -> Iterator[Checkpoint]:
    """The catalogue entries that a command line names, or all: for what ships with each of them."""
    parser = argparse.ArgumentParser(prog=prog)
    parser.add_argument("names", nargs="*", metavar="NAME", help="catalogue names")
    parser.add_argument("--catalogue", action="store_true", help="all of them")
    asked = parser.parse_args()
    if not asked.names and not asked.catalogue:
        parser.error("name catalogue entries, or pass --catalogue")
    torch.set_num_threads(1)
    for known in catalogue() if asked.catalogue else map(entry, asked.names):
        yield Checkpoint(reference=known.name, name=known.name, config_file=known.config_file)


def main() -> None:
    """Write the shipped description of each catalogue entry named, or of all."""
    for known in entries_asked("python -m mtl_core.models.describe"):
        description = describe(known)
        file = shipped_description(known.name)
        write_description(file, description)
        print(f"{file.name}: {len(description.tensors)} tensors, {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
