"""Simulated answers of plans with a known true score, for the trials of `a_a_trials.py`.

A probit model: each sentence has a difficulty, each run a shift and each answer a random part, all
normal. An answer is right if their sum is above 0. For entity F1 each sentence has up to three
entities, of which each is found in that way, and at times an entity that does not exist.
"""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

_DIFFICULTY = 2.0  # the standard deviation over sentences
_EASE = 1.7  # of the mean sentence: an accuracy of 0.78
_ENTITY_EASE = 0.5  # of the mean entity: an F1 of 0.71
_CEILING = 6.0
_ENTITIES, _ENTITY_SHARE = 3, 0.45  # binomial: the number of entities in a sentence
_FALSE_SHARE = 0.12  # of sentences with an entity that does not exist
_COLLAPSE_SHARE, _COLLAPSE = 0.2, 3.0  # of the seeds, and by how much they are worse
_Z = tuple(NormalDist().inv_cdf((n + 0.5) / 50) for n in range(50))  # evenly likely shifts

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Design:
    """Plans of equal true scores, or with a last plan that is `lower` by a true difference.

    `spread` is the standard deviation of the runs' shifts, `last_spread` that of the last plan.
    `together` is the correlation of the shifts of a seed over the plans. With `collapses` a fifth
    of the last plan's seeds fail.
    """

    metric: str = "accuracy"
    plans: int = 2
    seeds: int = 5
    sentences: int = 200
    spread: float = 0.15
    last_spread: float | None = None
    together: float = 0.0
    ceiling: bool = False
    collapses: bool = False
    lower: float = 0.0


def simulated_counts(design: Design, trials: int, draw: np.random.Generator) -> Counts:
    """Returns (trials, plans, seeds, sentences, 3): the counts of `analysis.marks.Marks`."""
    difficulty = draw.normal(0, _DIFFICULTY, (trials, 1, 1, design.sentences))
    shifts = _shifts(design, trials, draw)
    ease = (difficulty + shifts + _mean_eases(design)[:, None, None]).astype(np.float32)
    if design.metric == "accuracy":
        right = _answered(ease, draw).astype(np.int64)
        return np.stack([right, np.ones_like(right), np.ones_like(right)], axis=-1)
    there = draw.binomial(_ENTITIES, _ENTITY_SHARE, difficulty.shape)
    found = sum(_answered(ease, draw) & (there > n) for n in range(_ENTITIES))
    found = np.asarray(found, dtype=np.int64)
    claimed = found + (draw.random(ease.shape) < _FALSE_SHARE)
    return np.stack([found, claimed, np.broadcast_to(there, found.shape)], axis=-1)


def true_score(design: Design, ease: float, spread: float) -> float:
    """The expected score of a plan without collapses over all seeds and sentences."""
    if design.metric == "accuracy":
        return NormalDist().cdf(ease / sqrt(_DIFFICULTY**2 + spread**2 + 1))
    # F1 is not linear in the share of entities found: its mean is taken over the runs' shifts.
    found = np.array([NormalDist().cdf((ease + spread * z) / sqrt(_DIFFICULTY**2 + 1)) for z in _Z])
    there = _ENTITIES * _ENTITY_SHARE
    return float(np.mean(2 * there * found / (there + there * found + _FALSE_SHARE)))


def _mean_eases(design: Design) -> NDArray[np.float64]:
    """The mean ease of each plan; that of the last one gives it the same score less `lower`."""
    ease = _EASE if design.metric == "accuracy" else _ENTITY_EASE
    ease = _CEILING if design.ceiling else ease
    aim = true_score(design, ease, design.spread) - design.lower
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        enough = true_score(design, middle, _last_spread(design)) >= aim
        low, high = (low, middle) if enough else (middle, high)
    return np.array([ease] * (design.plans - 1) + [high])


def _last_spread(design: Design) -> float:
    return design.spread if design.last_spread is None else design.last_spread


def _shifts(design: Design, trials: int, draw: np.random.Generator) -> NDArray[np.float64]:
    """The runs' shifts: (trials, plans, seeds, 1)."""
    common = draw.normal(0, 1, (trials, 1, design.seeds, 1))
    own = draw.normal(0, 1, (trials, design.plans, design.seeds, 1))
    spreads = np.array([design.spread] * (design.plans - 1) + [_last_spread(design)])
    mixed = sqrt(design.together) * common + sqrt(1 - design.together) * own
    shifts = mixed * spreads[:, None, None]
    if design.collapses:
        shifts[:, -1] -= _COLLAPSE * (draw.random((trials, design.seeds, 1)) < _COLLAPSE_SHARE)
    return np.asarray(shifts)


def _answered(ease: NDArray[np.float32], draw: np.random.Generator) -> NDArray[np.bool_]:
    return np.asarray(ease + draw.standard_normal(ease.shape, dtype=np.float32) > 0)
