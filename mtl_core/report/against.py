"""Formats the comparison of a plan with another plan, a baseline or its own start."""

from mtl_core.analysis.outcomes import Against
from mtl_core.analysis.paired.intervals import PairedDifference
from mtl_core.text import signed, signed_range


def against_words(found: Against | None) -> str:
    """`above, +0.031 (+0.004 to +0.058)`; empty for None, the plan itself.

    Without a test `+0.031 (not tested)`, or `not tested` if the difference is unknown.
    """
    if found is None:
        return ""
    if found.interval is None:
        return untested_words(found.difference)
    return f"{found.verdict}, {signed(found.interval.effect)} ({interval_words(found.interval)})"


def untested_words(difference: float | None) -> str:
    """`+0.031 (not tested)`, or `not tested` if the difference is unknown."""
    return "not tested" if difference is None else f"{signed(difference)} (not tested)"


def interval_words(difference: PairedDifference | None) -> str:
    """`+0.004 to +0.058`; empty without an interval."""
    return "" if difference is None else signed_range(difference.low, difference.high)
