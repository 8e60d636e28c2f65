"""Where two curves over the number of training sentences cross, with an interval.

Between two sizes, the scores are interpolated on the logarithm of the number of sentences. The
interval has the numbers at which a test of equal scores does not reject. Formulas:
docs/measures.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log

from mtl_core.analysis.claim_intervals import Estimate, of_pairs
from mtl_core.analysis.claim_rules import OWN_DATA, NeedsData, Size
from mtl_core.analysis.claim_scores import Evidence, Gold, mixed, scores_after
from mtl_core.analysis.claim_verdicts import ClaimVerdict, Finding, Scale
from mtl_core.analysis.paired.intervals import PairedDifference, difference
from mtl_core.analysis.paired.scores import Scores
from mtl_core.text import signed

_POINTS = 32
"""The number of points between two sizes at which equal scores are tested."""


@dataclass(frozen=True, slots=True)
class _Point:
    """The scores of two arms after training on a number of sentences per task."""

    sentences: float
    arm: Scores
    against: Scores

    @property
    def difference(self) -> PairedDifference | None:
        """The score of `arm` minus that of `against`; None for fewer than two shared seeds."""
        shared = set(self.arm) & set(self.against)
        return difference(self.arm, self.against) if len(shared) > 1 else None


def needs_data(rule: NeedsData, evidence: Evidence, gold: Gold) -> Finding:
    """Judges whether two curves cross between the smallest and the largest size."""
    sizes = [
        _Point(size.sentences, *_scores(size, rule.task, evidence, gold))
        for size in sorted(rule.sizes, key=lambda size: size.sentences)
    ]
    curve = [(point.sentences, point.difference) for point in _interpolated(sizes)]
    known = [(sentences, found) for sentences, found in curve if found is not None]
    if len(known) < len(curve):
        return Finding(ClaimVerdict.OPEN, Scale.SENTENCES, margin=rule.margin)
    first, last = of_pairs(known[0][1]), of_pairs(known[-1][1])
    verdict, p_value = _verdict(first, last, rule.margin)
    equal = [sentences for sentences, found in known if found.low <= 0 <= found.high]
    smallest, largest = (
        known[0][0],
        known[-1][0],
    )  # an interval that reaches them has no bound there
    return Finding(
        verdict,
        Scale.SENTENCES,
        effect=_crossing([(sentences, found.effect) for sentences, found in known]),
        low=min((each for each in equal if smallest not in equal), default=None),
        high=max((each for each in equal if largest not in equal), default=None),
        margin=rule.margin,
        seeds=first.seeds,
        sentences=first.sentences,
        p_value=p_value,
        detail=f"difference {_with_interval(first)} with {known[0][0]:.0f} sentences, "
        f"{_with_interval(last)} with {known[-1][0]:.0f}",
    )


def _with_interval(found: Estimate) -> str:
    return f"{signed(found.effect)} ({signed(found.low)} to {signed(found.high)})"


def _scores(size: Size, task: str, evidence: Evidence, gold: Gold) -> tuple[Scores, Scores]:
    arm, against = (
        scores_after(evidence.get(each, {}), task, OWN_DATA, gold)
        for each in (size.arm, size.against)
    )
    return arm, against


def _verdict(first: Estimate, last: Estimate, margin: float) -> tuple[ClaimVerdict, float]:
    """The verdict and its p-value, from the differences at the smallest and the largest size.

    That the curves cross needs both ends, so the higher p-value counts. Either end can contradict
    it, so the lower one counts.
    """
    crosses = max(first.p_below(0.0), last.p_above(0.0))
    does_not = min(first.p_above(-margin), last.p_below(margin))
    if first.high < 0 < last.low:
        return ClaimVerdict.HOLDS, crosses
    if first.low > -margin or last.high < margin:
        return ClaimVerdict.DOES_NOT_HOLD, does_not
    return ClaimVerdict.UNDECIDED, min(crosses, does_not)


def _interpolated(sizes: Sequence[_Point]) -> list[_Point]:
    """The sizes, and points between them at equal distances of the logarithm."""
    points = [sizes[0]]
    for one, other in pairwise(sizes):
        for number in range(1, _POINTS + 1):
            share = number / _POINTS
            sentences = exp((1 - share) * log(one.sentences) + share * log(other.sentences))
            arm = _between(one.arm, other.arm, share)
            points.append(_Point(sentences, arm, _between(one.against, other.against, share)))
    return points


def _between(ones: Scores, others: Scores, share: float) -> Scores:
    return {seed: mixed(ones[seed], others[seed], share) for seed in set(ones) & set(others)}


def _crossing(curve: Sequence[tuple[float, float]]) -> float | None:
    """Where the difference first changes from negative to positive; None if it does not."""
    for (before, low), (after, high) in pairwise(curve):
        if low < 0 <= high:
            share = -low / (high - low)
            return exp((1 - share) * log(before) + share * log(after))
    return None
