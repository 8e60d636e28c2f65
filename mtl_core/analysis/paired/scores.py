"""Scores with a value for each sentence, whose mean is the score.

An accuracy is the mean of right (1) and wrong (0). Entity F1 = 2 TP / (predicted + labelled) is
not a mean. Each sentence therefore gets a pseudo-value, the linearisation of the ratio:
F + n (2 tp - F (predicted + labelled)) / (all predicted + all labelled). The mean of these values
is the F1, and their derivative by a sentence's weight is that of the F1. For an accuracy the same
formula gives 1 and 0. Source: the delta method for a ratio of means, derived in docs/measures.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose

import numpy as np
from numpy.typing import NDArray

from mtl_core.analysis.marks import GoldLabels, Marks, mark
from mtl_core.tasks.task import Task
from mtl_core.training.events import Answers


@dataclass(frozen=True, slots=True)
class SeedScore:
    """A task's headline metric in one run; `by_sentence` are values, (sentences,), with that mean,
    of the sentences at `places`. None if the predictions are unknown."""

    value: float
    by_sentence: NDArray[np.float64] | None = None
    places: tuple[int, ...] = ()


Scores = Mapping[int, SeedScore]
"""One plan's scores on one task, by seed."""


def seed_score(marks: Marks) -> SeedScore:
    """Computes a score with its pseudo-values."""
    return SeedScore(marks.score, pseudo_values(marks.counts), marks.places)


def marked_score(value: float, answers: Answers | None, task: Task, gold: GoldLabels) -> SeedScore:
    """Computes the values of the sentences behind the score that a run reported.

    Without them if the marks of its answers are unknown or do not give that score.
    """
    marks = mark(answers, task, gold) if answers is not None else None
    if marks is None or not isclose(marks.score, value, abs_tol=1e-9):
        return SeedScore(value)
    return seed_score(marks)


def pseudo_values(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Computes a value for each sentence from the counts of `Marks`.

    counts: (..., sentences, 3). Returns (..., sentences); 0 where nothing was claimed at all.
    """
    right, claimed = counts[..., 0], counts[..., 1] + counts[..., 2]
    all_claimed = np.maximum(claimed.sum(axis=-1, keepdims=True), 1)
    score = 2 * right.sum(axis=-1, keepdims=True) / all_claimed
    moved = counts.shape[-2] * (2 * right - score * claimed) / all_claimed
    return np.asarray(score + moved, dtype=np.float64)
