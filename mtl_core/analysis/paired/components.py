"""The components of the variance of a difference between two plans.

Every seed labels every sentence, so both factors are random and crossed. A two-way analysis of
variance splits the differences d(seed, sentence) into a part of the seeds, a part of the sentences
and the rest. Formulas: docs/measures.md.
"""

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
    if not seeds:
        return None
    by_seed = np.array([one[seed].value - other[seed].value for seed in seeds]).round(12)
    effect, count = float(by_seed.mean()), len(seeds)
    # Equal differences have a variance of 0, not of what rounding leaves.
    spread = round(float(by_seed.var(ddof=1)), 20) if count > 1 else None
    differences = _by_sentence([(one[seed], other[seed]) for seed in seeds])
    if differences is None:
        return Components(effect, count, 0, spread)
    sentences = differences.shape[1]
    if spread is None:
        of_sentences = float(differences[0].var(ddof=1)) / sentences
        return Components(effect, 1, sentences, None, of_sentences=of_sentences)
    between, rest, of_sentences = (float(each) for each in variances(differences))
    return Components(effect, count, sentences, between, rest, of_sentences)


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


def _by_sentence(pairs: list[tuple[SeedScore, SeedScore]]) -> Floats | None:
    """(seeds, sentences); None unless every run answered the same two sentences or more."""
    if len({score.places for pair in pairs for score in pair}) != 1 or len(pairs[0][0].places) < 2:
        return None
    rows = [
        one.by_sentence - other.by_sentence
        for one, other in pairs
        if one.by_sentence is not None and other.by_sentence is not None
    ]
    return np.array(rows) if len(rows) == len(pairs) else None
