"""Formats claims as text: the headline, effects, intervals, power and published results."""

from collections import Counter
from collections.abc import Iterable

from mtl_core.analysis.claim_rules import NeedsData
from mtl_core.analysis.claim_verdicts import ClaimVerdict, Finding, Scale, after_holm
from mtl_core.lessons.claim import Claim
from mtl_core.lessons.planned import planned
from mtl_core.text import signed

SIGNS = {
    ClaimVerdict.HOLDS: "✓",
    ClaimVerdict.DOES_NOT_HOLD: "✕",
    ClaimVerdict.UNDECIDED: "?",
    ClaimVerdict.OPEN: "○",
}

_COUNTED = {  # (singular, plural)
    ClaimVerdict.HOLDS: ("holds", "hold"),
    ClaimVerdict.DOES_NOT_HOLD: ("does not hold", "do not hold"),
    ClaimVerdict.UNDECIDED: ("undecided", "undecided"),
    ClaimVerdict.OPEN: ("not tested", "not tested"),
}


def guide_headline(verdicts: Iterable[ClaimVerdict]) -> str:
    """`64 claims about freezing: 20 hold, 12 do not hold, 31 undecided, 1 not tested`."""
    counts = Counter(verdicts)
    parts = [
        f"{counts[verdict]} {words[counts[verdict] > 1]}"
        for verdict, words in _COUNTED.items()
        if counts[verdict]
    ]
    return f"{counts.total()} claims about freezing: {', '.join(parts)}"


def effect_text(finding: Finding) -> str:
    """The effect: `+0.012`, `×5.8`, `1 of 3 seeds`, `120 sentences`; empty if there is none."""
    return "" if finding.effect is None else _value(finding.effect, finding.scale, finding.seeds)


def interval_text(finding: Finding) -> str:
    """The 95 % interval: `−0.012 to +0.021`, `up to 120 sentences`; empty for an exact effect."""
    if finding.scale is Scale.SENTENCES:
        return _sentences_interval(finding)
    if finding.low is None or finding.high is None:
        return ""
    if finding.scale is Scale.SHARE:
        return f"{finding.low:.2f} to {finding.high:.2f}"
    return f"{_value(finding.low, finding.scale)} to {_value(finding.high, finding.scale)}"


def _sentences_interval(finding: Finding) -> str:
    """The interval of a number of sentences, which may have no bound on a side."""
    if finding.low is not None and finding.high is not None:
        return f"{finding.low:.0f} to {finding.high:.0f} sentences"
    if finding.high is not None:
        return f"up to {finding.high:.0f} sentences"
    return "" if finding.low is None else f"from {finding.low:.0f} sentences up"


def basis_text(finding: Finding) -> str:
    """The sample behind an effect: `3 seeds × 200 sentences, must exceed −0.088`.

    Empty without an effect.
    """
    if not finding.seeds and finding.effect is None:
        return ""
    seeds = f"{finding.seeds} seeds" if finding.seeds else "computed"
    sentences = f" × {finding.sentences} sentences" if finding.sentences else ""
    bar = bar_text(finding)
    return f"{seeds}{sentences}{f', {bar}' if bar else ''}"


def bar_text(finding: Finding) -> str:
    """The bar and the margin: `must exceed −0.088`, `effects below +0.030 do not matter`.

    Empty if the bar is "no effect" and there is no margin.
    """
    if finding.scale is Scale.SENTENCES and finding.margin:
        return f"differences below {finding.margin:.3f} do not matter"
    if finding.effect is None or finding.scale in (Scale.SENTENCES, Scale.COUNT):
        return ""
    no_effect = 1.0 if finding.scale is Scale.RATIO else 0.0
    parts = []
    if finding.bar != no_effect:
        bar = (
            f"{finding.bar:.2g}"
            if finding.scale is Scale.SHARE
            else _value(finding.bar, finding.scale)
        )
        parts.append(f"must exceed {bar}")
    if finding.margin:
        parts.append(f"effects below {signed(finding.bar + finding.margin)} do not matter")
    return ", ".join(parts)


def power_text(claim: Claim) -> str:
    """The planned power: `planned: 10 seeds × 800 sentences, a power of 80 % for 0.028`.

    Empty for exact claims.
    """
    design = planned(claim)
    if design is None:
        return ""
    sentences = f" × {design.sentences} sentences" if design.sentences else ""
    ends = " at either end" if isinstance(claim.rule, NeedsData) else ""
    effect = f"an effect of {design.smallest:.2g}{ends}"
    return f"planned: {design.seeds} seeds{sentences}, a power of 80 % for {effect}"


def p_value_text(finding: Finding, adjusted: float) -> str:
    """The p-value with its null hypothesis, and the one after Holm's adjustment over all claims.

    `p < 0.001 for an effect of +0.015 or more; Holm-adjusted over all claims 0.002`. Empty without
    one.
    """
    if finding.p_value is None:
        return ""
    null = {
        ClaimVerdict.HOLDS: (finding.bar, "or less"),
        ClaimVerdict.DOES_NOT_HOLD: (finding.bar + finding.margin, "or more"),
    }.get(finding.verdict)
    scaled = finding.scale in (Scale.DIFFERENCE, Scale.RATIO, Scale.EPOCHS)
    of = f" for an effect of {_value(null[0], finding.scale)} {null[1]}" if null and scaled else ""
    text = f"p {_p(finding.p_value)}{of}; Holm-adjusted over all claims {_p(adjusted)}"
    lost = after_holm(finding, adjusted) is not finding.verdict
    return f"{text}: undecided" if lost else text


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


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
    return f"{signed(published.effect)} published, {published.note}"


def _value(value: float, scale: Scale, seeds: int = 0) -> str:
    match scale:
        case Scale.RATIO:
            return f"×{value:.2f}" if value < 2 else f"×{value:.3g}"
        case Scale.SHARE:
            return f"{round(value * seeds)} of {seeds} seeds"
        case Scale.SENTENCES:
            return f"{value:.0f} sentences"
        case Scale.COUNT:
            return f"{value:.0f}"
        case Scale.EPOCHS:
            return f"{signed(value, 1)} epochs"
        case Scale.DIFFERENCE:
            return signed(value)
