"""A run's answers marked sentence by sentence, so that a score can be taken apart and resampled.

A run tells its answers without the sentences (`training.events.Answers`); what is right comes from
the dataset. Marks add up to the same accuracy and entity F1 as `tasks.scoring` gives.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtl_core.analysis.summary import RunSummary
from mtl_core.tasks.dataset import Dataset, Label
from mtl_core.tasks.schemes import OUTSIDE
from mtl_core.tasks.scoring import entity_counts
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.events import Answers

GoldLabels = Mapping[str, Mapping[int, Label]]
"""By task: the right label, or tags, of each sentence by its place in the validation split."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Marks:
    """One task's answers in one run, marked.

    `places` are the sentences' places in the split. `counts` is (sentences, 3): for a sentence
    task 1 where it is right, 1, 1; for a token task entities found, entities said, entities there.
    """

    places: tuple[int, ...]
    counts: Counts

    @property
    def score(self) -> float:
        """Accuracy, or entity F1 over all sentences; 0 where there is no entity at all."""
        right, said, there = self.counts.sum(axis=0).tolist()
        return 2 * right / (said + there) if said + there else 0.0


def gold_labels(dataset: Dataset) -> GoldLabels:
    """What is right on the validation split of `dataset`."""
    return {
        task.name: {
            place: example.labels[task.name]
            for place, example in enumerate(dataset.validation)
            if task.name in example.labels
        }
        for task in dataset.tasks
    }


def end_answers(run: RunSummary) -> Answers | None:
    """What the run answered on the validation split last; None from a run that told nothing."""
    told = [each for each in run.answers if each.split == "validation"]
    return told[-1] if told else None


def said_labels(answers: Answers, task: Task, gold: GoldLabels) -> dict[int, Label] | None:
    """The label, or the tags, said of each sentence by its place.

    None where there are no answers, or the right labels are not of these sentences. A word that
    was cut off in the run has no answer and counts as outside any entity.
    """
    places, said = answers.places.get(task.name, ()), answers.answers.get(task.name, ())
    labels = gold.get(task.name, {})
    if not places or any(place not in labels for place in places):
        return None
    return {
        place: task.outputs[each]
        if isinstance(each, int)
        else said_tags(each, task, len(labels[place]))
        for place, each in zip(places, said, strict=True)
    }


def mark(answers: Answers, task: Task, gold: GoldLabels) -> Marks | None:
    """The marks of `task`; None where `said_labels` is."""
    said = said_labels(answers, task, gold)
    if said is None:
        return None
    right = gold[task.name]
    if task.kind is TaskKind.SENTENCE:
        rows = [(int(label == right[place]), 1, 1) for place, label in said.items()]
    else:
        rows = [entity_counts(right[place], label, task.outputs) for place, label in said.items()]
    return Marks(tuple(said), np.array(rows, dtype=np.int64).reshape(-1, 3))


def said_tags(indices: tuple[int, ...], task: Task, words: int) -> tuple[str, ...]:
    """The tags a head said of a sentence of `words` words; O for what was cut off."""
    tags = tuple(task.outputs[index] for index in indices[:words])
    return tags + (OUTSIDE,) * (words - len(tags))
