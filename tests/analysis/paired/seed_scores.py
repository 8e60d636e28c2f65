"""Scores for the tests: with the marks of each sentence, or bare."""

import numpy as np

from mtl_core.analysis.marks import Marks
from mtl_core.analysis.paired.scores import SeedScore, seed_score


def accuracy(*right: int) -> SeedScore:
    counts = np.array([(each, 1, 1) for each in right])
    return seed_score(Marks(tuple(range(len(right))), counts))


def bare(*values: float) -> dict[int, SeedScore]:
    return {seed: SeedScore(value) for seed, value in enumerate(values)}
