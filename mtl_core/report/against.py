"""Formats the comparison of a plan with another plan, a baseline or its own start."""

from mtl_core.analysis.outcomes import Against
from mtl_core.analysis.paired.intervals import PairedDifference
from mtl_core.text import signed


def against_words(found: Against | None) -> str:
    """`above, +0.031 (+0.004 to +0.058)`, or `not tested`; empty for None, the plan itself."""
    if found is None:
        return ""
    if found.interval is None:
        return "not tested"
    return f"{found.verdict}, {signed(found.interval.effect)} ({interval_words(found.interval)})"


def interval_words(difference: PairedDifference | None) -> str:
    """`+0.004 to +0.058`; empty without an interval."""
    return "" if difference is None else f"{signed(difference.low)} to {signed(difference.high)}"
