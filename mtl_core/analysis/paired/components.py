"""The components of the variance of a difference between two plans.

Every seed labels every sentence, so both factors are random and crossed. A two-way analysis of
variance splits the differences d(seed, sentence) into a part of the seeds, a part of the sentences
and the rest. Formulas: docs/measures.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtl_core.analysis.paired.scores import Scores, SeedScore

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Components:
    """The components of the difference of two plans.

    `between_seeds` is the variance of the seeds' differences, None for one seed. `rest` is the part
    of it that the sentences explain. `of_sentences` is the part of the variance of `effect` that is
    due to the sentences. `sentences` is 0 if the predictions are unknown.
    """

    effect: float
    seeds: int
    sentences: int
    between_seeds: float | None
    rest: float = 0.0
    of_sentences: float = 0.0


def decompose(one: Scores, other: Scores) -> Components | None:
    """Splits `one` minus `other` on their shared seeds; None without a shared seed."""
    seeds = sorted(set(one) & set(other))
    ours, theirs = (tuple(each[seed] for seed in seeds) for each in (one, other))
    if {score.places for score in ours} != {score.places for score in theirs}:
        return _components(ours, theirs, [])
    tables = [table for table in (_by_sentence(ours), _by_sentence(theirs)) if table is not None]
    return _components(ours, theirs, [tables[0] - tables[1]] if len(tables) > 1 else [])


def decompose_between_data(one: Scores, other: Scores) -> Components | None:
    """Splits `one` minus `other` on their shared seeds, if they are scores on different sentences.

    The variances that the two sets of sentences cause are added. `sentences` is the number of the
    smaller set. None without a shared seed.
    """
    seeds = sorted(set(one) & set(other))
    ours, theirs = (tuple(each[seed] for seed in seeds) for each in (one, other))
    tables = [table for table in (_by_sentence(ours), _by_sentence(theirs)) if table is not None]
    return _components(ours, theirs, tables if len(tables) > 1 else [])


def _components(
    ours: Sequence[SeedScore], theirs: Sequence[SeedScore], tables: Sequence[Floats]
) -> Components | None:
    """The components of the difference of scores on the same seeds, and of independent tables.

    tables: (seeds, sentences) each; none if the predictions are unknown.
    """
    if not ours:
        return None
    by_seed = np.array([a.value - b.value for a, b in zip(ours, theirs, strict=True)]).round(12)
    effect, count = float(by_seed.mean()), len(by_seed)
    # Equal differences have a variance of 0, not of what rounding leaves.
    spread = round(float(by_seed.var(ddof=1)), 20) if count > 1 else None
    if not tables:
        return Components(effect, count, 0, spread)
    sentences = min(table.shape[1] for table in tables)
    if spread is None:
        of_sentences = sum(float(table[0].var(ddof=1)) / table.shape[1] for table in tables)
        return Components(effect, 1, sentences, None, of_sentences=of_sentences)
    parts = [variances(table) for table in tables]
    rest, of_sentences = (float(sum(part[n] for part in parts)) for n in (1, 2))
    return Components(effect, count, sentences, spread, rest, of_sentences)


def variances(differences: Floats) -> tuple[Floats, Floats, Floats]:
    """Computes `between_seeds`, `rest` and `of_sentences` of `Components`.

    differences: (..., seeds, sentences), two or more of both. Each result: (...).
    """
    seeds, sentences = differences.shape[-2:]
    by_seed, by_sentence = differences.mean(axis=-1), differences.mean(axis=-2)
    effect = by_seed.mean(axis=-1)[..., None, None]
    residual = differences - by_seed[..., :, None] - by_sentence[..., None, :] + effect
    rest = (residual**2).sum(axis=(-2, -1)) / ((seeds - 1) * (sentences - 1))  # a mean square
    of_sentences = np.maximum(by_sentence.var(axis=-1, ddof=1) - rest / seeds, 0.0)
    return by_seed.var(axis=-1, ddof=1), rest / sentences, of_sentences / sentences


def _by_sentence(scores: Sequence[SeedScore]) -> Floats | None:
    """(seeds, sentences); None unless every run answered the same two sentences or more."""
    if len({score.places for score in scores}) != 1 or len(scores[0].places) < 2:
        return None
    rows = [score.by_sentence for score in scores if score.by_sentence is not None]
    return np.array(rows) if len(rows) == len(scores) else None
