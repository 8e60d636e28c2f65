"""The verdict on a claim: effect, 95 % interval, bar and margin, and Holm's adjustment.

`claim_rules` defines the effects, `claim_judge` computes them, `claim_intervals` their intervals.
Formulas and sources: docs/measures.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from mtl_core.analysis.claim_intervals import Estimate
from mtl_core.analysis.paired.intervals import ERROR


class ClaimVerdict(StrEnum):
    """Whether the runs support a claim."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does not hold"
    UNDECIDED = "undecided"
    OPEN = "not tested here"


class Scale(StrEnum):
    """The scale of an effect, which determines its text and the value of "no effect"."""

    DIFFERENCE = "difference"  # of scores, around 0
    EPOCHS = "epochs"  # a difference of epochs, around 0
    RATIO = "ratio"  # around 1
    SHARE = "share"  # of seeds, 0 to 1
    SENTENCES = "sentences"  # a number of training sentences
    COUNT = "count"  # an exact number; 0 supports the claim


@dataclass(frozen=True, slots=True)
class Finding:
    """A measured effect and its verdict. Larger effects support the claim.

    `bar` is the value that the whole interval has to exceed. An interval that is not above it but
    below `bar` + `margin` contradicts the claim. `low` and `high` are None for an exact effect; a
    number of sentences that these runs do not bound on one side has None there.
    `sentences` is 0 if the interval covers the variation over seeds only. `p_value` is the lowest
    level at which the interval would decide; None for an exact or a descriptive effect, 1 if the
    runs have no effect. `detects` is the distance from the bar that this design finds in 80 % of
    repetitions, None if unknown. `detail` is an additional remark.
    """

    verdict: ClaimVerdict
    scale: Scale = Scale.DIFFERENCE
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    bar: float = 0.0
    margin: float = 0.0
    seeds: int = 0
    sentences: int = 0
    p_value: float | None = None
    detects: float | None = None
    detail: str | None = None

    @property
    def decided(self) -> bool:
        """Whether the claim holds or does not hold."""
        return self.verdict in (ClaimVerdict.HOLDS, ClaimVerdict.DOES_NOT_HOLD)

    @property
    def remark(self) -> str | None:
        """The detail, and that an effect which supports the claim is shown to be small."""
        holds = self.verdict is ClaimVerdict.HOLDS and self.scale is Scale.DIFFERENCE
        small = holds and self.high is not None and self.high < self.bar + self.margin
        parts = [self.detail] if self.detail else []
        if small:
            parts.append(f"the effect is smaller than the margin of {self.margin:g}")
        return "; ".join(parts) or None


def judged(
    found: Estimate | None, bar: float, margin: float = 0.0, scale: Scale = Scale.DIFFERENCE
) -> Finding:
    """Judges an estimate by its interval; the verdict is OPEN without one."""
    if found is None:
        return Finding(ClaimVerdict.OPEN, scale, bar=bar, margin=margin)
    above, below = found.p_above(bar), found.p_below(bar + margin)
    if found.low > bar:
        verdict, p_value = ClaimVerdict.HOLDS, above
    elif found.high < bar + margin:
        verdict, p_value = ClaimVerdict.DOES_NOT_HOLD, below
    else:
        verdict, p_value = ClaimVerdict.UNDECIDED, min(above, below)
    return Finding(
        verdict,
        scale,
        found.effect,
        found.low,
        found.high,
        bar,
        margin,
        found.seeds,
        found.sentences,
        p_value,
        found.detects,
    )


def without_effect(detail: str, scale: Scale = Scale.DIFFERENCE, **values: object) -> Finding:
    """A finding of runs that are complete but have no effect to judge.

    It is undecided with p = 1, so that the number of claims in Holm's adjustment does not depend on
    the results.
    """
    found = Finding(ClaimVerdict.UNDECIDED, scale, p_value=1.0, detail=detail)
    return replace(found, **values)  # type: ignore[arg-type]


def undecided_if_kept(finding: Finding, lost: float) -> Finding:
    """A finding about preventing a loss, which was `lost` in the control.

    If the control lost less than the margin, "does not hold" would say nothing about settings in
    which there is a loss.
    """
    if finding.verdict is not ClaimVerdict.DOES_NOT_HOLD or lost >= finding.margin:
        return finding
    small = (
        f"undecided although the interval is below the end of the margin, since the control lost "
        f"only {max(lost, 0.0):.3f}, less than the margin: there was nothing to prevent"
    )
    detail = "; ".join(filter(None, (small, finding.detail)))
    return replace(finding, verdict=ClaimVerdict.UNDECIDED, p_value=1.0, detail=detail)


def exact(holds: bool, effect: float, scale: Scale, **values: object) -> Finding:
    """A finding that is counted or computed, without an interval."""
    verdict = ClaimVerdict.HOLDS if holds else ClaimVerdict.DOES_NOT_HOLD
    return replace(Finding(verdict, scale, effect), **values)  # type: ignore[arg-type]


def holm_adjusted(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Adjusts the p-values of several claims so that their verdicts hold together.

    A claim remains decided if its adjusted value is below 0.05: with a probability of at most 5 %,
    any of these verdicts is wrong. None stays None and does not count. Source: Holm 1979.
    """
    known = [(p, place) for place, p in enumerate(p_values) if p is not None]
    adjusted: dict[int, float] = {}
    highest = 0.0
    for rank, (p, place) in enumerate(sorted(known)):
        highest = max(highest, min(1.0, (len(known) - rank) * p))
        adjusted[place] = highest
    return tuple(adjusted.get(place) for place in range(len(p_values)))


def after_holm(finding: Finding, adjusted: float | None) -> ClaimVerdict:
    """The verdict on a claim among several, from its p-value by `holm_adjusted`."""
    if finding.decided and adjusted is not None and adjusted >= ERROR:
        return ClaimVerdict.UNDECIDED
    return finding.verdict
