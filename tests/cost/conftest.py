"""A tiny encoder with heads, and one real step of it, measured."""

import random
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from mtl_core.cost.profile import CostProfile
from mtl_core.cost.trace import trace_costs
from mtl_core.freezing.apply import apply_phase
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.table import ParameterTable
from mtl_core.models.describe import describe
from mtl_core.models.description import ModelDescription
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.tasks.task import DEFAULT_TASKS

SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 40,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
OWN_SIZES: dict[str, dict[str, Any]] = {
    "albert": {"embedding_size": 16},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "distilbert": {"hidden_dim": 48},
    "modernbert": {"cls_token_id": 1, "sep_token_id": 2},
}


@dataclass(frozen=True)
class Traced:
    """An architecture's profile, and the same architecture with weights."""

    profile: CostProfile
    description: ModelDescription
    model: MultiTaskModel


def build(architecture: str) -> Traced:
    from transformers import AutoConfig, AutoModel

    sizes = SIZES | {"intermediate_size": 48} | OWN_SIZES.get(architecture, {})
    config = AutoConfig.for_model(architecture, **sizes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = AutoModel.from_config(config, dtype=torch.float32)
    return Traced(
        trace_costs(config),
        ModelDescription(describe(config), DEFAULT_TASKS),
        MultiTaskModel(encoder, DEFAULT_TASKS, seed=0),
    )


@pytest.fixture(scope="module")
def bert() -> Traced:
    return build("bert")


@pytest.fixture(scope="session")
def built() -> Callable[[str], Traced]:
    return build


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class _Kept:
    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor.detach()  # else an output would keep its own node alive


def kept_bytes(
    traced: Traced,
    table: ParameterTable,
    sentences: int,
    tokens: int,
    *,
    frozen_dropout: bool = False,
) -> int:
    """Bytes that autograd holds once the losses are there: each storage once, without weights and
    the batch itself. Scalars are left out."""
    model = traced.model
    apply_phase(table, model, frozen_dropout=frozen_dropout)
    ids = torch.full((sentences, tokens), 7)
    mask = torch.ones_like(ids)
    labels = {
        "sentiment": torch.zeros(sentences, dtype=torch.long),
        "ner": torch.zeros(sentences * tokens, dtype=torch.long),
    }
    own = [*model.parameters(), *model.buffers(), ids, mask, *labels.values()]
    ours = {each.untyped_storage()._cdata for each in own}
    alive: weakref.WeakSet[_Kept] = weakref.WeakSet()

    def keep(tensor: torch.Tensor) -> _Kept:
        kept = _Kept(tensor)
        alive.add(kept)
        return kept

    with torch.random.fork_rng(devices=[]):
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda kept: kept.tensor):
            logits = model(ids, mask)
            losses = [
                torch.nn.functional.cross_entropy(logits[task].flatten(0, -2), labels[task])
                for task in labels
            ]
        storages = {each.tensor.untyped_storage()._cdata: each.tensor for each in alive}
        sizes = [
            tensor.untyped_storage().nbytes()
            for address, tensor in storages.items()
            if address not in ours
        ]
    assert len(losses) == 2
    return sum(size for size in sizes if size > 8)


def some_tensors(traced: Traced, count: int, seed: int) -> Plan:
    """A plan in which `count` tensors learn, drawn by `seed`."""
    names = [each.name for each in traced.description.tensors if each.tied_to is None]
    drawn = random.Random(seed).sample(names, count)
    return Plan(name=f"{count} tensors", phases=(Phase(name="all", train=tuple(drawn)),))


@pytest.fixture(name="kept_bytes")
def _kept_bytes() -> Callable[[Traced, ParameterTable, int, int], int]:
    return kept_bytes


@pytest.fixture(name="some_tensors")
def _some_tensors() -> Callable[[Traced, int, int], Plan]:
    return some_tensors
