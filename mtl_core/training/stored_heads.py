"""Steps of a phase in which only heads learn, on stored outputs and without autograd.

Such a step reads some hundred stored rows and computes two small linear layers. Batches, modules
and autograd would take longer than the computation, and so would a second thread.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mtl_core.settings import HEAD_ROWS_BYTES
from mtl_core.tasks.alignment import EncodedExample
from mtl_core.tasks.task import Task
from mtl_core.training.batches import collate
from mtl_core.training.loaded_run import LoadedRun
from mtl_core.training.losses import head_inputs, labelled, logit_gradients, read_positions
from mtl_core.training.prefix.reuse import ReusedPrefix
from mtl_core.training.together.rows import TaskRows, collect_rows, count_rows

MAX_BYTES = HEAD_ROWS_BYTES
"""Memory for the rows that heads read. Larger data are read batch by batch."""


class StoredHeads:
    """The heads of a run on the outputs of its frozen backbone.

    Losses and gradients are those of `gradients.accumulate_gradients` up to rounding, and dropout
    draws the same masks. Use it while `runs_on_stored_outputs` is true. The memory for rows has no
    influence on the numbers.
    """

    def __init__(
        self, loaded: LoadedRun, reused: ReusedPrefix, between_batches: Callable[[], None]
    ) -> None:
        self._loaded, self._reused, self._model = loaded, reused, loaded.model
        self._weights = loaded.spec.plan.task_weights
        self._rows: dict[str, _RowsByExample] | None = None
        if _fit(loaded.training, loaded, reused):
            found = collect_rows(
                loaded.model,
                loaded.training,
                loaded.spec.tasks,
                loaded.pad_id,
                reused.states_at,
                between_batches,
            )
            self._rows = {
                task: _RowsByExample.of(rows, loaded.training) for task, rows in found.items()
            }

    @torch.no_grad()
    def accumulate_gradients(self, drawn: Sequence[EncodedExample]) -> dict[str, float]:
        """Write the gradients of one step; return each task's mean loss over its labels."""
        tasks = {task.name: task for task in self._loaded.spec.tasks}
        losses = {
            name: self._backward(tasks[name], rows, labels)
            for name, (rows, labels) in self._read(drawn).items()
        }
        values = torch.stack([*losses.values()]).tolist() if losses else []
        return dict(zip(losses, values, strict=True))

    def _read(self, drawn: Sequence[EncodedExample]) -> dict[str, tuple[Tensor, Tensor]]:
        """Return the rows and the labels of each task that has labels in these examples."""
        if self._rows is not None:
            found = {task: rows.read(drawn) for task, rows in self._rows.items()}
            return {task: each for task, each in found.items() if len(each[1])}
        batch = collate(drawn, self._loaded.spec.tasks, self._loaded.pad_id)
        read = labelled([batch], self._loaded.spec.tasks, self._model.sentence_vector)
        states = self._reused.states_at(batch, read_positions(read))
        inputs = head_inputs(self._model, states, read)
        return {task: (rows, read[task].labels) for task, rows in inputs.items()}

    def _backward(self, task: Task, rows: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of one task, and write the gradients of its head if it learns."""
        head, weight = self._model.head(task), self._weights.get(task.name, 1.0)
        states = functional.dropout(rows, self._loaded.spec.head_dropout)
        shares = torch.log_softmax(torch.addmm(head.bias, states, head.weight.T), 1)
        loss = -shares.gather(1, labels[:, None]).sum() / len(labels)
        if weight > 0:
            gradient = logit_gradients(shares, labels, weight / len(labels))
            if head.weight.requires_grad:
                head.weight.grad = gradient.T @ states
            if head.bias.requires_grad:
                head.bias.grad = gradient.sum(0)
        return loss


def evaluates_on_stored_outputs(
    examples: Sequence[EncodedExample], loaded: LoadedRun, reused: ReusedPrefix
) -> bool:
    """Whether only heads run, and the rows that they read for these examples fit into memory."""
    return runs_on_stored_outputs(loaded, reused) and _fit(examples, loaded, reused)


def runs_on_stored_outputs(loaded: LoadedRun, reused: ReusedPrefix) -> bool:
    """Whether only heads run in the current phase, on the CPU. They compute in float32."""
    return reused.at_heads and loaded.spec.device == "cpu"


def _fit(examples: Sequence[EncodedExample], loaded: LoadedRun, reused: ReusedPrefix) -> bool:
    """Whether the rows that heads read for these examples fit into memory."""
    rows = count_rows(examples, loaded.spec.tasks)
    rows_bytes = rows * loaded.description.backbone.hidden_size * 4
    return rows_bytes <= min(reused.memory_bytes, MAX_BYTES)


@dataclass(frozen=True)
class _RowsByExample:
    """The rows of one task: (n, hidden), their labels, (n,), and the place of each example."""

    outputs: Tensor
    labels: Tensor
    ranges: Mapping[int, range]

    @classmethod
    def of(cls, rows: TaskRows, examples: Sequence[EncodedExample]) -> "_RowsByExample":
        pairs = zip(rows.first.tolist(), rows.counts.tolist(), strict=True)
        ranges = [range(first, first + count) for first, count in pairs]
        by_example = {id(each): own for each, own in zip(examples, ranges, strict=True)}
        return cls(rows.outputs, rows.labels, by_example)

    def read(self, drawn: Sequence[EncodedExample]) -> tuple[Tensor, Tensor]:
        """Return the rows of some examples, (n, hidden), and their labels, (n,)."""
        index = torch.tensor(
            [row for each in drawn for row in self.ranges[id(each)]], dtype=torch.long
        )
        return self.outputs.index_select(0, index), self.labels.index_select(0, index)
