"""Computes the description of a checkpoint's architecture without its weights.

As a command it writes the shipped descriptions of the catalogue:

    python -m mtl_core.models.describe --catalogue
"""

import argparse
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from cachetools import LRUCache, cached
from torch import nn

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.architecture import (
    example_input,
    position_limit,
    prefix_of,
    traced,
    word_table,
)
from mtl_core.models.cache import shipped_description, write_description
from mtl_core.models.catalogue import catalogue, entry
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.configuration import configuration_notes, read_architecture
from mtl_core.models.description import BackboneDescription, BackboneTensor, Role
from mtl_core.models.direction import require_two_directions
from mtl_core.models.forward_order import FinishedLayers, finished_layers
from mtl_core.models.layer_stack import LayerStack, find_stack
from mtl_core.tasks.alignment import MIN_LENGTH
from mtl_core.tasks.task import TaskKind
from mtl_core.text import one_line

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

Reach = Mapping[str, tuple[TaskKind, ...]]
"""For each parameter of a backbone, the kinds of head whose loss sends it a gradient."""

_HEAD_INPUTS: dict[TaskKind, Callable[[Any], torch.Tensor]] = {
    TaskKind.SENTENCE: lambda output: output.last_hidden_state[:, 0],
    TaskKind.TOKEN: lambda output: output.last_hidden_state,
}
"""The part of the backbone's output that each kind of head reads. The mean of all tokens reaches
the same parameters as the first token, because layers combine tokens."""


def _values(config: "PreTrainedConfig") -> str:
    """All values of a configuration: equal ones build the same backbone."""
    return f"{type(config).__name__} {config.to_json_string(use_diff=False)}"


def describe(checkpoint: "Checkpoint | PreTrainedConfig") -> BackboneDescription:
    """Describes every tensor of the bare backbone: layer, role, ties, and heads that reach it.

    Raises the exceptions of `read_architecture`, `require_two_directions`, `traced` and
    `find_stack` if the checkpoint is not a text encoder with a stack of layers.
    """
    if not isinstance(checkpoint, Checkpoint):
        return _described(checkpoint)
    described = _described(read_architecture(checkpoint.config_file))
    if checkpoint.entry is not None:
        return described
    return described.model_copy(update={"notes": configuration_notes(checkpoint.config_file)})


@cached(LRUCache(32), key=_values, lock=threading.Lock())
def _described(config: "PreTrainedConfig") -> BackboneDescription:
    """Describe the backbone of `config`, once for each configuration in this process.

    Every run of a comparison needs the same one, and a pass on the meta device takes seconds.
    """
    require_two_directions(config)
    return traced(config, _describe)


def _describe(model: "PreTrainedModel", input_ids: torch.Tensor) -> BackboneDescription:
    config = model.config
    embedding_path, embedding = _input_embedding(model)
    stack = find_stack(model, input_ids)
    _require_any_length(model, input_ids)
    reached = reach(model, input_ids)
    finished = finished_layers(model, stack, input_ids)
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
        max_positions=_supported_positions(model),
        pooler=tuple(f"{prefix_of(model)}.{name}" for name in pooler_names(model, reached)),
        tensors=tuple(_tensors(model, stack, embedding_path, reached, finished)),
    )


def _require_any_length(model: "PreTrainedModel", input_ids: torch.Tensor) -> None:
    """Raise UnsupportedArchitecture unless the model runs on sentences of other lengths too.

    Nystromformer, for example, may divide a sentence into segments of a fixed length.
    """
    tokens = input_ids.shape[1]
    for length in (tokens - 1, 2):
        try:
            with torch.no_grad():
                model(input_ids=input_ids[:, :length])
        except Exception as error:  # third-party forward passes raise any exception
            if "meta" in str(error):
                raise
            raise UnsupportedArchitecture(
                f"'{model.config.model_type}' with this configuration runs on {tokens} tokens, but "
                f"not on {length}: {one_line(error)} Sentences have any number of tokens."
            ) from None


def _tensors(
    model: "PreTrainedModel",
    stack: LayerStack,
    embedding_path: str,
    reached: Reach,
    finished: FinishedLayers,
) -> Iterator[BackboneTensor]:
    prefix = prefix_of(model)
    embeddings = _embeddings_root(embedding_path, stack)
    for name, parameter, owner in named_with_owner(model):
        module_path, _, last = name.rpartition(".")
        role, layer = _place(name, stack, embeddings, bool(reached[owner]), finished.get(owner))
        yield BackboneTensor(
            name=f"{prefix}.{name}",
            shape=tuple(parameter.shape),
            dtype=str(parameter.dtype).removeprefix("torch."),
            role=role,
            layer=layer,
            bias=last == "bias" or last.endswith("_bias"),
            layernorm="Norm" in type(model.get_submodule(module_path)).__name__,
            tied_to=None if owner == name else f"{prefix}.{owner}",
            reached_by=reached[owner],
        )


def reach(model: "PreTrainedModel", input_ids: torch.Tensor | None = None) -> Reach:
    """For each unique parameter of a bare backbone, the kinds of head that send it a gradient.

    A linear head is attached to the first token (sentence) or to every token (token), and its
    summed output is differentiated. A parameter is reached if it receives a gradient, even a
    zero one: weight decay changes it all the same. BERT's pooler, for example, is not reached;
    `pooler_names` finds what a head on the pooler's output reaches in addition.
    input_ids: (1, tokens). Works on the meta device. Gradients are cleared afterwards.
    """
    ids = example_input(model) if input_ids is None else input_ids
    reached = {kind: _reached_from(model, ids, read) for kind, read in _HEAD_INPUTS.items()}
    return {
        name: tuple(kind for kind in reached if name in reached[kind])
        for name, _ in model.named_parameters()
    }


def pooler_names(
    model: "PreTrainedModel", reached: Reach, input_ids: torch.Tensor | None = None
) -> tuple[str, ...]:
    """Names of the parameters that a head on the pooler's output reaches, and no other head does.

    `reached` is the result of `reach`. Empty if the architecture has no pooler whose output has
    the width of the hidden states. input_ids: (1, tokens).
    """
    ids = example_input(model) if input_ids is None else input_ids
    with torch.no_grad():
        output = model(input_ids=ids)
    pooled = getattr(output, "pooler_output", None)
    if pooled is None or pooled.shape != output.last_hidden_state[:, 0].shape:
        return ()
    names = _reached_from(model, ids, lambda output: output.pooler_output)
    return tuple(name for name in reached if name in names and not reached[name])


def _reached_from(
    model: "PreTrainedModel",
    input_ids: torch.Tensor,
    read: Callable[[Any], torch.Tensor],
) -> frozenset[str]:
    with torch.enable_grad():
        states = read(model(input_ids=input_ids))
        weight = torch.ones(1, states.shape[-1], device=states.device)
        torch.autograd.backward(torch.nn.functional.linear(states, weight).sum())
    names = frozenset(
        name for name, parameter in model.named_parameters() if parameter.grad is not None
    )
    model.zero_grad(set_to_none=True)
    return names


def named_with_owner(module: nn.Module) -> Iterator[tuple[str, nn.Parameter, str]]:
    """Yields every name of every parameter, with the first name of the same parameter: its owner.

    The order is that of `named_parameters(remove_duplicate=False)`.
    """
    owners: dict[int, str] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        yield name, parameter, owners.setdefault(id(parameter), name)


def _place(
    name: str, stack: LayerStack, embeddings: str, reached: bool, finished: int | None
) -> tuple[Role, int | None]:
    """The part of the model that a tensor belongs to, and its layer.

    A tensor outside the stack whose first use follows a layer belongs to that layer: a norm after
    the last layer to the top one, DeBERTa-v2's convolution to layer 0.
    """
    layer = stack.layer_of(name)
    if layer is not None:
        return Role.LAYER, layer
    if name.startswith(f"{embeddings}."):
        return Role.EMBEDDINGS, None
    if not reached:
        is_pooler = name.partition(".")[0] == "pooler"
        return Role.POOLER if is_pooler else Role.BESIDE, None
    return (Role.BESIDE, None) if finished is None else (Role.LAYER, finished)


def _embeddings_root(embedding_path: str, stack: LayerStack) -> str:
    """The outermost module that contains the input embedding but not the layer stack."""
    parts = embedding_path.split(".")
    ancestors = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return next(
        (path for path in ancestors if not stack.container.startswith(f"{path}.")), embedding_path
    )


def _input_embedding(model: "PreTrainedModel") -> tuple[str, nn.Embedding]:
    embedding = word_table(model)
    for name, module in model.named_modules():
        if module is embedding and isinstance(module, nn.Embedding):
            return name, module
    raise UnsupportedArchitecture(
        f"'{model.config.model_type}' has no single table of token embeddings. Choose a text "
        "encoder that has one, e.g. bert or roberta."
    )


def _supported_positions(model: "PreTrainedModel") -> int | None:
    """The position limit. Raises UnsupportedArchitecture if it is below the least of a run."""
    limit = position_limit(model)
    if limit is not None and limit < MIN_LENGTH:
        raise UnsupportedArchitecture(
            f"'{model.config.model_type}' with this configuration reads at most {max(limit, 0)} "
            f"tokens, and a run needs at least {MIN_LENGTH}. Check max_position_embeddings "
            f"({model.config.max_position_embeddings}) and pad_token_id in config.json."
        )
    return limit


def _intermediate_size(model: "PreTrainedModel", stack: LayerStack) -> int:
    """The inner width of a layer's feed-forward network.

    Without `intermediate_size` in the configuration, it is the largest input size of the layer's
    linear modules.
    """
    stated = getattr(model.config, "intermediate_size", None)
    if isinstance(stated, int):
        return stated
    layer = model.get_submodule(stack.paths[0])
    linears = (module for module in layer.modules() if isinstance(module, nn.Linear))
    return max((linear.in_features for linear in linears), default=0)


def requested_entries(prog: str) -> Iterator[Checkpoint]:
    """Parses the command line of a module that writes shipped files: catalogue entries, or all."""
    parser = argparse.ArgumentParser(prog=prog)
    parser.add_argument("names", nargs="*", metavar="NAME", help="catalogue names")
    parser.add_argument("--catalogue", action="store_true", help="all of them")
    arguments = parser.parse_args()
    if not arguments.names and not arguments.catalogue:
        parser.error("give catalogue names, or --catalogue")
    torch.set_num_threads(1)
    for known in catalogue() if arguments.catalogue else map(entry, arguments.names):
        yield Checkpoint(
            reference=known.name, name=known.name, config_file=known.config_file, entry=known.name
        )


def main() -> None:
    """Write the shipped descriptions of the requested catalogue entries."""
    for known in requested_entries("python -m mtl_core.models.describe"):
        description = describe(known)
        file = shipped_description(known.name)
        write_description(file, description)
        print(f"{file.name}: {len(description.tensors)} tensors, {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
