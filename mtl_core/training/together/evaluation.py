"""Evaluates the heads of several runs on stored outputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtl_core.tasks.alignment import EncodedExample
from mtl_core.tasks.dataset import Example
from mtl_core.tasks.task import Task
from mtl_core.training.evaluation import Evaluated, score_task
from mtl_core.training.together.heads import StackedHead
from mtl_core.training.together.rows import TaskRows


@dataclass(frozen=True)
class StoredSplit:
    """The examples of a split, and the backbone's outputs for them by task."""

    examples: Sequence[Example]
    encoded: Sequence[EncodedExample]
    tasks: Sequence[Task]
    rows: Mapping[str, TaskRows]

    def evaluate(self, heads: Mapping[str, StackedHead]) -> list[Evaluated]:
        """Score every task that has examples, for each run in the order of `heads`."""
        runs = len(next(iter(heads.values())).bias)
        scores: list[dict[str, object]] = [{} for _ in range(runs)]
        predicted: list[dict[str, dict[int, list[int]]]] = [
            {task.name: {} for task in self.tasks} for _ in range(runs)
        ]
        for task in self.tasks:
            if task.name not in self.rows:
                continue
            rows = self.rows[task.name]
            losses, highest = _highest(heads[task.name], rows)
            for run, (loss, outputs) in enumerate(zip(losses, highest, strict=True)):
                found = self._by_place(rows, outputs)
                predicted[run][task.name] = found
                scores[run][task.name] = score_task(task, self.examples, self.encoded, found, loss)
        return [Evaluated(*each) for each in zip(scores, predicted, strict=True)]  # type: ignore[arg-type]

    def _by_place(self, rows: TaskRows, outputs: Sequence[int]) -> dict[int, list[int]]:
        """Return one run's highest outputs by index in the split, 0 at tokens without a label."""
        found = {}
        tokens, start = rows.tokens.tolist(), 0
        counts = rows.counts.tolist()
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
