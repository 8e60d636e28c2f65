"""Marks the predictions of a run sentence by sentence, for resampling and error analysis.

The event `training.events.Answers` holds predictions without sentences; the correct labels come
from the dataset. The marks of all sentences give the accuracy and entity F1 of `tasks.scoring`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtl_core.analysis.summary import RunSummary
from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.example import Example, Label
from mtl_core.tasks.schemes import OUTSIDE
from mtl_core.tasks.scoring import entity_counts
from mtl_core.tasks.shared_tasks import judged_sentences, shared_tasks
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.events import Answers

SplitLabels = Mapping[str, Mapping[int, Label]]
"""By task name, the correct label or tags of each sentence by its index in a split."""

GoldLabels = Mapping[str, SplitLabels]
"""The correct labels by split."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of one run's predictions on one task.

    `places` are the indices of the sentences in the split. `counts` has the shape (sentences, 3).
    For a sentence task the columns are 1 if the label is correct else 0, 1 and 1. For a token task
    they are the numbers of correct entities, of predicted entities and of true entities.
    """

    places: tuple[int, ...]
    counts: Counts

    @property
    def score(self) -> float:
        """Accuracy, or entity F1 over all sentences; 0 if there are no entities."""
        correct, predicted, true = self.counts.sum(axis=0).tolist()
        return 2 * correct / (predicted + true) if predicted + true else 0.0


def gold_labels(dataset: Dataset, others: Iterable[Dataset] = ()) -> GoldLabels:
    """Returns the correct labels of the splits of `dataset` that are evaluated.

    `others` are other data on which runs were evaluated; each is a split named by its reference.
    Raises InvalidRun as `shared_tasks` does.
    """
    found = {
        split: _labels(examples, dataset.tasks)
        for split, examples in dataset.splits.items()
        if split != "train"
    }
    for other in others:
        shared = shared_tasks(dataset.tasks, other)
        found[other.reference] = _labels(judged_sentences(other, shared), shared)
    return found


def final_answers(run: RunSummary, task: str, other_data: str | None = None) -> Answers | None:
    """Returns the run's last predictions on `judged_answers`; None if it stored none."""
    found = run.judged_answers(task, other_data)
    return found[-1] if found else None


def predicted_labels(answers: Answers, task: Task, gold: GoldLabels) -> dict[int, Label] | None:
    """Returns the predicted label, or tags, of each sentence by its index in the split.

    Returns None if there are no predictions for `task`, or if `gold` lacks one of the sentences.
    Words that the run cut off have no prediction and get the tag O.
    """
    positions = answers.places.get(task.name, ())
    predicted = answers.answers.get(task.name, ())
    labels = gold.get(answers.split, {}).get(task.name, {})
    if not positions or any(position not in labels for position in positions):
        return None
    return {
        position: task.outputs[each]
        if isinstance(each, int)
        else predicted_tags(each, task, len(labels[position]))
        for position, each in zip(positions, predicted, strict=True)
    }


def mark(answers: Answers, task: Task, gold: GoldLabels) -> Marks | None:
    """Marks the predictions for `task`; returns None if `predicted_labels` does."""
    predicted = predicted_labels(answers, task, gold)
    if predicted is None:
        return None
    correct = gold[answers.split][task.name]
    if task.kind is TaskKind.SENTENCE:
        rows = [(int(label == correct[position]), 1, 1) for position, label in predicted.items()]
    else:
        rows = [
            entity_counts(correct[position], label, task.outputs)
            for position, label in predicted.items()
        ]
    return Marks(tuple(predicted), np.array(rows, dtype=np.int64).reshape(-1, 3))


def _labels(examples: Sequence[Example], tasks: Sequence[Task]) -> SplitLabels:
    return {
        task.name: {
            position: example.labels[task.name]
            for position, example in enumerate(examples)
            if task.name in example.labels
        }
        for task in tasks
    }


def predicted_tags(indices: tuple[int, ...], task: Task, words: int) -> tuple[str, ...]:
    """Converts output indices to the tags of a sentence of `words` words, O where cut off."""
    tags = tuple(task.outputs[index] for index in indices[:words])
    return tags + (OUTSIDE,) * (words - len(tags))
