"""The multi-task model: one encoder with a linear head per task."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from mtl_core.errors import InvalidRun
from mtl_core.models.architecture import prefix_of
from mtl_core.models.deferred import DeferredBackbone
from mtl_core.models.padding import padding_problem, settle, states_without_padding
from mtl_core.models.pooling import find_pooler, means
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.models.transfer import to_device
from mtl_core.tasks.task import Task, TaskKind

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

HEAD_STD = 0.02
"""The standard deviation for initialising heads, as in BERT's task models."""


class MultiTaskModel(nn.Module):
    """A shared encoder with a linear head per task.

    The encoder is registered under its architecture's prefix and each head under its task's head
    name. Parameters are therefore called `bert.encoder.layer.0…` and `classifier.weight`, as in
    transformers' task models. Sentence heads read the `sentence_vector`, token heads the last
    hidden state of every token. `dropout` is the dropout rate before the heads during training.
    The initial weights of a head depend only on `seed`, its name and its shape.
    Raises InvalidRun if the name of a head is invalid or already used, and UnsupportedArchitecture
    for a pooler that the backbone does not have.
    """

    def __init__(
        self,
        backbone: "PreTrainedModel | DeferredBackbone",
        tasks: Sequence[Task],
        seed: int,
        dropout: float = 0.1,
        sentence_vector: SentenceVector = SentenceVector.FIRST_TOKEN,
    ) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.sentence_vector = sentence_vector
        self.prefix = prefix_of(backbone)
        self.add_module(self.prefix, backbone)
        if sentence_vector is SentenceVector.POOLER:
            self._pool = find_pooler(self.backbone)
        self.dropout = nn.Dropout(dropout)
        for task in self.tasks:
            self._require_free_name(task)
            self.add_module(task.head, _linear_head(task, backbone.config.hidden_size, seed))

    @property
    def backbone(self) -> "PreTrainedModel":
        """The encoder without heads. A deferred one is built now; its parameters stay the same."""
        found = self.get_submodule(self.prefix)
        if isinstance(found, DeferredBackbone):
            found = self._modules[self.prefix] = found.build()
        return found

    @property
    def has_built_backbone(self) -> bool:
        """Whether the encoder has modules that can run; False until a deferred one is needed."""
        return not isinstance(self.get_submodule(self.prefix), DeferredBackbone)

    @property
    def padding_problem(self) -> str | None:
        """How a sentence depends on its batch in this architecture, so that lengths are run apart.

        None for a deferred encoder: those of the catalogue have no such problem.
        """
        return padding_problem(self.backbone) if self.has_built_backbone else None

    def settle(self, longest: int) -> None:
        """Bring a built encoder into the state it has after sentences of up to `longest` tokens."""
        if self.has_built_backbone:
            settle(self.backbone, longest)

    @property
    def config(self) -> "PreTrainedConfig":
        """The encoder's configuration."""
        return self.get_submodule(self.prefix).config

    def head(self, task: Task) -> nn.Linear:
        """The linear head of `task`."""
        return cast(nn.Linear, self.get_submodule(task.head))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Computes the logits of every task, by task name.

        input_ids, attention_mask: (batch, tokens). Sentence tasks: (batch, outputs); token
        tasks: (batch, tokens, outputs).
        """
        return self.heads(self.hidden(input_ids, attention_mask), attention_mask)

    def hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Computes the last hidden state on the encoder's device: (batch, tokens, hidden).

        A sentence has the same states in every batch, up to rounding.
        """
        backbone = self.backbone
        ids, mask = (to_device(each, backbone.device) for each in (input_ids, attention_mask))
        if padding_problem(backbone) is not None:
            return states_without_padding(backbone, ids, mask)
        states: Tensor = backbone(input_ids=ids, attention_mask=mask).last_hidden_state
        return states

    def heads(self, hidden: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Computes the logits of every task from the last hidden state: (batch, tokens, hidden).

        attention_mask: (batch, tokens).
        """
        tokens = self.dropout(hidden)
        sentences = (
            tokens[:, 0]
            if self.sentence_vector is SentenceVector.FIRST_TOKEN
            else self.dropout(self.sentence_vectors(hidden, attention_mask))
        )
        return {
            task.name: self.head(task)(sentences if task.kind is TaskKind.SENTENCE else tokens)
            for task in self.tasks
        }

    def sentence_vectors(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """Computes what sentence heads read: (batch, hidden) from (batch, tokens, hidden)."""
        if self.sentence_vector is SentenceVector.MEAN:
            real = attention_mask.to(hidden.device).bool()
            return self.sentence_vectors_of(hidden[real], real.sum(1).tolist())
        first = hidden[:, 0].contiguous()  # a view would hold the memory of all tokens
        return self.sentence_vectors_of(first, [1] * len(hidden))

    def sentence_vectors_of(self, states: Tensor, sizes: Sequence[int]) -> Tensor:
        """Computes what sentence heads read from the states it depends on.

        (sentences, hidden) from (n, hidden). `sizes` are the numbers of states of the sentences:
        all tokens for the mean, otherwise the first token alone.
        """
        match self.sentence_vector:
            case SentenceVector.FIRST_TOKEN:
                return states
            case SentenceVector.MEAN:
                return means(states, sizes)
            case SentenceVector.POOLER:
                return self._pool(states)

    def logits_at(self, task: Task, states: Tensor) -> Tensor:
        """Computes a task's logits from what its head reads: (n, outputs) from (n, hidden)."""
        logits: Tensor = self.head(task)(self.dropout(states))
        return logits

    def _require_free_name(self, task: Task) -> None:
        heads = [other.head for other in self.tasks]
        if heads.count(task.head) > 1:
            owners = ", ".join(other.name for other in self.tasks if other.head == task.head)
            raise InvalidRun(
                f"The head '{task.head}' is used by several tasks ({owners}). Each task needs its "
                "own head: give them different names."
            )
        if task.head == self.prefix:
            raise InvalidRun(
                f"The head of task '{task.name}' cannot be called '{task.head}': the encoder's "
                "parameters have that prefix. Choose another name, e.g. 'classifier'."
            )
        if not task.head or "." in task.head or hasattr(self, task.head):
            raise InvalidRun(
                f"The head of task '{task.name}' cannot be called '{task.head}': a part of the "
                "model has that name, or it contains a dot. Choose another, e.g. 'classifier'."
            )


def _linear_head(task: Task, hidden_size: int, seed: int) -> nn.Linear:
    """A head with weights drawn from normal(0, HEAD_STD) and a zero bias."""
    digest = hashlib.sha256(f"{seed}\n{task.head}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big", signed=True))
    head = nn.Linear(hidden_size, len(task.outputs), device="meta").to_empty(device="cpu")
    with torch.no_grad():
        head.weight.normal_(0.0, HEAD_STD, generator=generator)
        head.bias.zero_()
    return head
