"""What a sweep of learning rates came to, in words and as rows of a table."""

from collections.abc import Sequence

from mtl_core.analysis.sweep import TriedRates
from mtl_core.freezing.titles import scenario_phrase
from mtl_core.report.size_words import size_words

SWEEP_CAPTION = (
    "Accuracy and entity F1 averaged over the tasks, with the first seed, at the plan's own rates "
    "times each factor. The best goes on with all seeds. It was chosen on the sentences that also "
    "judge the plan, so its first seed flatters."
)


def sweep_title(tried: Sequence[TriedRates]) -> str:
    """`Rates tried first: heads only goes on at × 3, full is still trying`; with several numbers of
    training sentences how many plans have chosen at how many."""
    if len({each.size for each in tried}) > 1:
        chosen = sum(each.chosen is not None for each in tried)
        return (
            f"Rates tried first: {chosen} of {len(tried)} chosen, anew at each number of sentences"
        )
    said = [
        f"{scenario_phrase(each.scenario)} "
        + ("is still trying" if each.chosen is None else f"goes on at × {each.chosen:g}")
        for each in tried
    ]
    return f"Rates tried first: {', '.join(said)}"


def sweep_row(tried: TriedRates) -> dict[str, str]:
    """A plan's trials as a row, a column for each factor; ✓ marks the one it goes on with."""
    sized = "" if tried.size is None else f", {size_words(tried.size)}"
    row = {"Plan": f"{scenario_phrase(tried.scenario)}{sized}"}
    for factor, score in tried.scores.items():
        mark = " ✓" if factor == tried.chosen else ""
        row[f"× {factor:g}"] = "" if score is None else f"{score:.3f}{mark}"
    return row
