"""One sentence about the two runs of Play, with measured figures and no verdict."""

from collections.abc import Sequence

from mtl_core.analysis.summary import RunSummary
from mtl_core.freezing.titles import task_title
from mtl_core.report.run_words import duration, plan_words
from mtl_core.text import capitalized, listed, score_text


def play_finding(summaries: Sequence[RunSummary]) -> str:
    """Parameters, seconds and the validation losses of each finished run."""
    runs = "; ".join(_figures(summary) for summary in summaries if summary.finished)
    return f"{capitalized(runs)}. One seed and few sentences do not show which plan is better."


def _figures(summary: RunSummary) -> str:
    losses = listed(
        [
            f"{score_text(task.validation_losses[-1][1], 2)} ({task_title(task.task.name)})"
            for task in summary.tasks
            if task.validation_losses
        ]
    )
    return (
        f"{plan_words(summary.spec)} trained {summary.most_trainable:,} parameters in "
        f"{duration(summary.elapsed_seconds)}, to validation losses of {losses}"
    )
