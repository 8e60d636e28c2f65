"""Formats claims as text: the headline, effects, intervals and published results."""

from collections import Counter
from collections.abc import Iterable

from mtl_core.analysis.claim_verdicts import ClaimVerdict, Finding, Scale
from mtl_core.lessons.claims import Claim

SIGNS = {
    ClaimVerdict.HOLDS: "✓",
    ClaimVerdict.DOES_NOT_HOLD: "✕",
    ClaimVerdict.WITHIN_NOISE: "=",
    ClaimVerdict.OPEN: "○",
}

_COUNTED = {  # (singular, plural)
    ClaimVerdict.HOLDS: ("holds here", "hold here"),
    ClaimVerdict.DOES_NOT_HOLD: ("does not", "do not"),
    ClaimVerdict.WITHIN_NOISE: ("within noise", "within noise"),
    ClaimVerdict.OPEN: ("untested", "untested"),
}


def guide_headline(verdicts: Iterable[ClaimVerdict]) -> str:
    """`28 claims about freezing: 8 hold here, 6 do not, 13 within noise, 1 untested`."""
    counts = Counter(verdicts)
    parts = [
        f"{counts[verdict]} {words[counts[verdict] > 1]}"
        for verdict, words in _COUNTED.items()
        if counts[verdict]
    ]
    return f"{counts.total()} claims about freezing: {', '.join(parts)}"


def effect_text(finding: Finding) -> str:
    """The effect: `+0.012`, `×5.8`, `1 of 3 seeds`; empty if there is none."""
    if finding.effect is None:
        return ""
    if finding.scale is Scale.SHARE:
        return f"{round(finding.effect * finding.seeds)} of {finding.seeds} seeds"
    return _value(finding.effect, finding.scale)


def interval_text(finding: Finding) -> str:
    """The 95 % interval: `−0.012 to +0.021`; empty for an exact effect."""
    if finding.low is None or finding.high is None:
        return ""
    return f"{_value(finding.low, finding.scale)} to {_value(finding.high, finding.scale)}"


def basis_text(finding: Finding) -> str:
    """The sample behind an effect: `3 seeds × 200 sentences, must exceed −0.088`."""
    seeds = f"{finding.seeds} seeds" if finding.seeds else "computed"
    sentences = f" × {finding.sentences} sentences" if finding.sentences else ""
    bar = _bar_text(finding)
    return f"{seeds}{sentences}{f', {bar}' if bar else ''}"


def published_text(claim: Claim) -> str:
    """The published result with its source, or "no published figure"."""
    if claim.published is None:
        return "no published figure"
    return f"{claim.published.text} ({claim.published.note})"


def published_in_short(claim: Claim) -> str:
    """The published effect and its source: `+0.005 published, Howard & Ruder 2018, table 7`.

    Without a number, the text of the paper. A figure that was not verified is marked.
    """
    published = claim.published
    if published is None:
        return "no published figure"
    if published.effect is None:
        return f"{published.text}, {published.note}"
    return f"{_value(published.effect, Scale.DIFFERENCE)} published, {published.note}"


def _bar_text(finding: Finding) -> str:
    """The required value: `must exceed −0.088`; empty if it is "no effect"."""
    if finding.scale is Scale.SHARE or finding.effect is None:
        return ""
    no_effect = 1.0 if finding.scale is Scale.RATIO else 0.0
    return "" if finding.bar == no_effect else f"must exceed {_value(finding.bar, finding.scale)}"


def _value(value: float, scale: Scale) -> str:
    if scale is Scale.RATIO:
        return f"×{value:.2f}" if value < 2 else f"×{value:.3g}"
    if value == 0:
        return "0"
    return f"{value:+.3f}".replace("-", "−")
