"""Evaluates the heads of several runs on stored outputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from mtl_core.tasks.alignment import EncodedExample
from mtl_core.tasks.example import Example
from mtl_core.tasks.task import Task
from mtl_core.training.evaluation import Predicted
from mtl_core.training.events import TaskScore
from mtl_core.training.together.heads import StackedHead
from mtl_core.training.together.rows import TaskRows
from mtl_core.training.together.scores import Scorer, scorer


@dataclass(frozen=True)
class StoredEvaluation:
    """One run's scores by task, and the highest output at each row of the task."""

    scores: dict[str, TaskScore]
    outputs: dict[str, list[int]]


@dataclass(frozen=True)
class StoredSplit:
    """The examples of a split, and the backbone's outputs for them by task."""

    examples: Sequence[Example]
    encoded: Sequence[EncodedExample]
    tasks: Sequence[Task]
    rows: Mapping[str, TaskRows]

    def evaluate(self, heads: Mapping[str, StackedHead]) -> list[StoredEvaluation]:
        """Score every task that has examples, for each run in the order of `heads`."""
        runs = len(next(iter(heads.values())).bias)
        found = [StoredEvaluation({}, {}) for _ in range(runs)]
        for task, own in self._scorers.items():
            pairs = zip(*_highest(heads[task], self.rows[task]), strict=True)
            for each, (loss, outputs) in zip(found, pairs, strict=True):
                each.scores[task] = own.score(outputs, loss)
                each.outputs[task] = outputs
        return found

    def predicted(self, outputs: Mapping[str, Sequence[int]]) -> Predicted:
        """Return the highest outputs by index in the split, 0 at tokens without a label."""
        empty: dict[str, dict[int, list[int]]] = {task.name: {} for task in self.tasks}
        return empty | {task: self._by_place(self.rows[task], own) for task, own in outputs.items()}

    @cached_property
    def _scorers(self) -> dict[str, Scorer]:
        return {
            task.name: scorer(task, self.examples, self.encoded, self.rows[task.name])
            for task in self.tasks
            if task.name in self.rows
        }

    def _by_place(self, rows: TaskRows, outputs: Sequence[int]) -> dict[int, list[int]]:
        found = {}
        tokens, counts, start = rows.tokens.tolist(), rows.counts.tolist(), 0
        for place in rows.places:
            end = start + counts[place]
            found[place] = [0] * len(self.encoded[place].input_ids)
            for token, output in zip(tokens[start:end], outputs[start:end], strict=True):
                found[place][token] = output
            start = end
        return found


def _highest(head: StackedHead, rows: TaskRows) -> tuple[list[float], list[list[int]]]:
    """Return the mean loss and the highest output at each row, for each run."""
    runs, outputs, width = head.weight.shape
    weight: Tensor = head.weight.reshape(runs * outputs, width)
    logits = torch.addmm(head.bias.reshape(-1), rows.outputs, weight.T).view(-1, runs, outputs)
    labels = rows.labels[:, None, None].expand(-1, runs, 1)
    own = torch.log_softmax(logits, 2).gather(2, labels)[:, :, 0]
    losses = -own.double().mean(0)
    return losses.tolist(), logits.argmax(2).T.tolist()
