"""Counts the errors of a plan's predictions, and lists the sentences that two runs label
differently."""

from collections.abc import Iterable
from dataclasses import dataclass

from mtl_core.analysis.marks import GoldLabels, final_answers, predicted_labels
from mtl_core.analysis.plans import PlanResult
from mtl_core.analysis.summary import RunSummary
from mtl_core.tasks.example import Label
from mtl_core.tasks.schemes import entity_type
from mtl_core.tasks.scoring import scored_spans
from mtl_core.tasks.task import Task, TaskKind

NO_ENTITY = "no entity"
"""The row of predicted entities that do not exist, and the column of entities not found."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """A confusion matrix: `counts[i][j]` examples of label i were predicted as label j.

    The counts are sums over `seeds` runs. For a token task the labels are entity types and
    NO_ENTITY. A predicted entity matches only if its first and last word match exactly.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    seeds: int


@dataclass(frozen=True, slots=True)
class LabelDifference:
    """A sentence that two runs label differently.

    `position` is the sentence's index in `split`. `correct` is the true label, `first` and `second`
    are the labels that the two runs predict.
    """

    split: str
    position: int
    correct: Label
    first: Label
    second: Label

    @property
    def first_correct(self) -> bool:
        """Whether the first run's label is correct; for a token task, every tag."""
        return self.first == self.correct

    @property
    def second_correct(self) -> bool:
        """Whether the second run's label is correct; for a token task, every tag."""
        return self.second == self.correct


def confusion(plan: PlanResult, task: Task, gold: GoldLabels) -> Confusion | None:
    """Sums the confusion matrices of the plan's finished runs on one task.

    Returns None if no run has predictions for the sentences in `gold`.
    """
    pairs: list[tuple[str, str]] = []
    seeds = 0
    for run in plan.runs.values():
        answers = final_answers(run, task.name) if run.finished else None
        predicted = predicted_labels(answers, task, gold) if answers else None
        if answers is not None and predicted is not None:
            seeds += 1
            for position, label in predicted.items():
                pairs.extend(_pairs(gold[answers.split][task.name][position], label, task))
    if not seeds:
        return None
    labels = _labels(task)
    index = {label: number for number, label in enumerate(labels)}
    counts = [[0] * len(labels) for _ in labels]
    for true, guess in pairs:
        counts[index[true]][index[guess]] += 1
    return Confusion(labels, tuple(tuple(row) for row in counts), seeds)


def label_differences(
    first: RunSummary, second: RunSummary, task: Task, gold: GoldLabels
) -> tuple[LabelDifference, ...] | None:
    """Lists the sentences that both runs labelled, with different labels.

    Returns first the sentences that only the first run has correct, then those that only the second
    has correct, then those that both have wrong, each in the order of the split. Returns None
    if a run has no predictions, or if the runs are judged on different splits.
    """
    answers = [final_answers(run, task.name) for run in (first, second)]
    split = first.judged_split(task.name)
    predicted = [predicted_labels(each, task, gold) if each else None for each in answers]
    one, other = predicted
    if one is None or other is None or split != second.judged_split(task.name):
        return None
    correct = gold[split][task.name]
    found = [
        LabelDifference(split, position, correct[position], one[position], other[position])
        for position in one
        if position in other and one[position] != other[position]
    ]
    return tuple(sorted(found, key=lambda each: (not each.first_correct, not each.second_correct)))


def _labels(task: Task) -> tuple[str, ...]:
    if task.kind is TaskKind.SENTENCE:
        return task.outputs
    types = dict.fromkeys(kind for tag in task.outputs if (kind := entity_type(tag)) is not None)
    return (*types, NO_ENTITY)


def _pairs(true: Label, predicted: Label, task: Task) -> Iterable[tuple[str, str]]:
    """Pairs true labels with predicted ones; for a token task, entities with equal spans."""
    if isinstance(true, str) or isinstance(predicted, str):
        return [(str(true), str(predicted))]
    true_types = {(span.start, span.end): span.type for span in scored_spans(true, task.outputs)}
    types = {(span.start, span.end): span.type for span in scored_spans(predicted, task.outputs)}
    return [
        (true_types.get(words, NO_ENTITY), types.get(words, NO_ENTITY))
        for words in dict.fromkeys([*true_types, *types])
    ]
