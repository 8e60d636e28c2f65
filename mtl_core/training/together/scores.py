"""Scores of one task from the highest outputs at its rows.

They equal those of `tasks.scoring`. What depends on the labels alone is computed once, and a
sentence that several runs or evaluations predict in the same way is compared once.
"""

from collections.abc import Sequence
from typing import Protocol

from mtl_core.tasks.alignment import EncodedExample
from mtl_core.tasks.example import Example
from mtl_core.tasks.schemes import OUTSIDE, Span
from mtl_core.tasks.scoring import entity_scores, score_sentences, scored_spans
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.events import SentenceScore, TaskScore, TokenScore
from mtl_core.training.together.rows import TaskRows

Counts = tuple[int, int]
"""The correct and the predicted entities of a sentence."""


class Scorer(Protocol):
    """Scores one task."""

    def score(self, outputs: Sequence[int], loss: float) -> TaskScore:
        """Return the scores of one run; `outputs` has the highest output at each row."""
        ...


def scorer(
    task: Task, examples: Sequence[Example], encoded: Sequence[EncodedExample], rows: TaskRows
) -> Scorer:
    """Return the scorer of a task for the split with these examples and rows."""
    if task.kind is TaskKind.SENTENCE:
        return _SentenceScorer(task, rows)
    return _EntityScorer(task, examples, encoded, rows)


class _SentenceScorer:
    """Accuracy and macro F1; every row is a sentence."""

    def __init__(self, task: Task, rows: TaskRows) -> None:
        self._outputs = task.outputs
        self._gold = rows.labels.tolist()

    def score(self, outputs: Sequence[int], loss: float) -> SentenceScore:
        return SentenceScore(loss=loss, **score_sentences(self._gold, outputs, self._outputs))


class _EntityScorer:
    """Precision, recall and F1 of entities, counted sentence by sentence."""

    def __init__(
        self,
        task: Task,
        examples: Sequence[Example],
        encoded: Sequence[EncodedExample],
        rows: TaskRows,
    ) -> None:
        self._task, self._rows, self._encoded = task, rows, encoded
        counts, tokens = rows.counts.tolist(), rows.tokens.tolist()
        self._sentences: list[tuple[slice, frozenset[Span], list[int | None]]] = []
        start = 0
        for place in rows.places:
            own = slice(start, start + counts[place])
            start = own.stop
            row_of = {token: row for row, token in enumerate(tokens[own])}
            words = [
                None if first is None else row_of[first] for first in encoded[place].first_sub_words
            ]
            gold = frozenset(scored_spans(examples[place].labels[task.name], task.outputs))
            self._sentences.append((own, gold, words))
        self._entities = sum(len(gold) for _, gold, _ in self._sentences)
        self._counted: dict[tuple[int, tuple[int, ...]], Counts] = {}

    def score(self, outputs: Sequence[int], loss: float) -> TokenScore:
        correct = predicted = 0
        for number, (own, _, _) in enumerate(self._sentences):
            key = number, tuple(outputs[own])
            found = self._counted.get(key)
            if found is None:
                found = self._counted[key] = self._counts(*key)
            correct += found[0]
            predicted += found[1]
        return TokenScore(loss=loss, **entity_scores(correct, predicted, self._entities))

    def _counts(self, number: int, outputs: Sequence[int]) -> Counts:
        _, gold, words = self._sentences[number]
        names = self._task.outputs
        tags = [OUTSIDE if row is None else names[outputs[row]] for row in words]
        found = frozenset(scored_spans(tags, names))
        return len(gold & found), len(found)
