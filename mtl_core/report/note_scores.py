"""The note's scores: what each run or plan came to on each task, and what it cost."""

from collections.abc import Iterator

from mtl_core.analysis.paired import PairedDifference
from mtl_core.analysis.plans import PlanComparison, PlanResult
from mtl_core.freezing.titles import task_title
from mtl_core.report.against_itself import REPEATED_BY, against_itself_words
from mtl_core.report.blocks import NOTHING, Block, Text, spelled, table_of, task_titles
from mtl_core.report.compare_words import (
    against_words,
    finished_seeds,
    frozen_words,
    mean_words,
    metric_name,
    plans_rule,
    sorted_plans,
    table_words,
)
from mtl_core.report.compared import a_run
from mtl_core.report.load import Report
from mtl_core.report.run_words import elsewhere_words, memory, rate_words, share
from mtl_core.report.scores import score_row, score_rules

_COSTS = ("Learn", "Share", "Rates", "Epochs", "Seconds", "Peak memory", "Frozen, identical")
_INTERVAL = "95 % interval"


def run_scores(report: Report) -> Iterator[Block]:
    """Runs one by one, in two tables, so that a page's width is enough: scores, and costs."""
    comparison = report.comparison
    titles = task_titles(comparison.tasks)
    rows = [score_row(label, run.record, comparison) for label, run in report.named]
    left_out = "against best" if len(rows) == 1 else NOTHING
    scores = [
        {
            spelled(name, titles): text
            for name, text in row.items()
            if name not in _COSTS and not name.endswith(left_out)
        }
        for row in rows
    ]
    yield table_of(scores)
    yield table_of([{name: row[name] for name in ("Plan", *_COSTS)} for row in rows])
    yield Text(score_rules(comparison))
    for label, run in report.named:
        other_data = elsewhere_words(run.summary) if len(rows) == 1 else ()
        for line in (*run.summary.notes, *other_data):
            yield Text(f"{label.label}: {line}")


def plan_scores(report: Report) -> Iterator[Block]:
    """Plans over their seeds, the best first: scores with what can be told apart, then costs."""
    plans = report.compared.plans
    ordered = sorted_plans(plans)
    brackets = "In brackets: the lowest and the highest seed."
    if report.several_plans:
        yield Text(f"{table_words(plans)}.")
        yield table_of([_scores(plan, plans) for plan in ordered])
        yield Text(
            f"{plans_rule(plans)} {brackets} {_INTERVAL}: of the difference from the best, as wide "
            "as the number of plans asks for."
        )
        wrong = against_itself_words(plans)
        if wrong:
            yield Text(f"{wrong} Repeat the trials, from the folder of Freeze Lab: {REPEATED_BY}")
    else:
        yield table_of([_own_scores(plan, plans) for plan in ordered])
        yield Text(f"Means over seeds {', '.join(map(str, plans.seeds))}. {brackets}")
    yield table_of([_costs(plan, plans) for plan in ordered])
    yield Text(
        "Seconds and peak memory: means over the finished runs. Learn and share: the most in any "
        "phase. Frozen part: by the SHA-256 of every frozen tensor, in every finished run."
    )
    for plan in ordered:
        for line in dict.fromkeys(line for run in plan.runs.values() for line in run.notes):
            yield Text(f"{plan.label}: {line}")


def _scores(plan: PlanResult, comparison: PlanComparison) -> dict[str, str]:
    row = {"Plan": plan.label}
    for task in comparison.tasks:
        title, result = task_title(task.name), plan.tasks.get(task.name)
        row |= {
            f"{title} {metric_name(task)}": mean_words(result),
            f"{title} against best": against_words(result),
            f"{title} {_INTERVAL}": _interval(result.against_best if result else None),
        }
    return row


def _own_scores(plan: PlanResult, comparison: PlanComparison) -> dict[str, str]:
    row = {"Plan": plan.label}
    for task in comparison.tasks:
        title, result = task_title(task.name), plan.tasks.get(task.name)
        before = "" if result is None or result.before is None else f"{result.before:.3f}"
        row |= {
            f"{title} {metric_name(task)}": mean_words(result),
            f"{title} before training": before,
        }
    return row


def _costs(plan: PlanResult, comparison: PlanComparison) -> dict[str, str]:
    known = plan.trainable is not None and plan.total
    rates = [rate for phase in a_run(plan).phases for rate in phase.rates]
    return {
        "Plan": plan.label,
        "Seconds": "" if plan.seconds is None else f"{plan.seconds:,.1f}",
        "Peak memory": ""
        if plan.peak_memory_bytes is None
        else memory(round(plan.peak_memory_bytes)),
        "Learn": "" if plan.trainable is None else f"{plan.trainable:,}",
        "Share": share((plan.trainable or 0) / (plan.total or 1)) if known else "",
        "Rates": rate_words(rates),
        "Frozen part": frozen_words(plan),
        "Finished seeds": f"{finished_seeds(plan)} of {len(comparison.seeds)}",
    }


def _interval(difference: PairedDifference | None) -> str:
    if difference is None:
        return ""
    return f"{_signed(difference.low)} to {_signed(difference.high)}"


def _signed(value: float) -> str:
    return f"{'−' if value < 0 else '+'}{abs(value):.3f}"
