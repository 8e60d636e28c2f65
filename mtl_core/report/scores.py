"""The table of scores as text, for the Compare page and for the note: one row a run."""

from collections.abc import Sequence

from mtl_core.analysis.comparison import (
    ComparedRun,
    Comparison,
    Result,
    Standing,
    compare,
    distinct_labels,
)
from mtl_core.analysis.summary import RunSummary
from mtl_core.charts.theme import LIGHT
from mtl_core.report.run_words import (
    STATE_SIGNS,
    data_words,
    epochs_words,
    memory,
    moment,
    plan_words,
    rate_words,
    share,
    unusual_words,
)
from mtl_core.store.record import RunRecord, RunState
from mtl_core.tasks.task import TaskKind


def compared(runs: Sequence[tuple[RunRecord, RunSummary]]) -> Comparison:
    """The runs against each other, each under its plan's name and what sets it apart."""
    records = [record for record, _ in runs]
    specs = [record.spec for record in records]
    names = [plan_words(spec) for spec in specs]
    labels = distinct_labels(names, specs, [record.id for record in records])
    return compare([(label, summary) for label, (_, summary) in zip(labels, runs, strict=True)])


def comparison_facts(comparison: Comparison, records: Sequence[RunRecord]) -> list[str]:
    """What all runs share, and the seeds; what they do not share stands further down."""
    summaries = [run.summary for run in comparison.runs]
    specs = [summary.spec for summary in summaries]
    seeds = sorted({spec.seed for spec in specs})
    facts = [
        {spec.checkpoint for spec in specs},
        {f"data: {data_words(summary)}" for summary in summaries},
        {epochs_words(spec.epochs) for spec in specs},
        {f"batches of {spec.batch_size}" for spec in specs},
        {f"{spec.max_length} sub-words at most" for spec in specs},
    ]
    shared = [next(iter(values)) for values in facts if len(values) == 1]
    unusual = [unusual_words(spec) for spec in specs]
    starts = {spec.starts_from for spec in specs}
    shared += ["each goes on from another run"] if len(starts) > 1 and None not in starts else []
    shared += [word for word in (unusual or [[]])[0] if all(word in each for each in unusual)]
    listed_seeds = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
    count = f"{len(specs)} run{'s' if len(specs) > 1 else ''}"
    return [count, *shared, listed_seeds, _asked_for(records)]


def score_row(run: ComparedRun, record: RunRecord, comparison: Comparison) -> dict[str, str]:
    """One run's row by column title; empty where something was not measured."""
    summary, end = run.summary, run.summary.finished
    scores: dict[str, str] = {}
    for number, task in enumerate(comparison.tasks):
        letter, result = LIGHT.task(number).letter, run.results.get(task.task.name)
        scores |= {
            f"{letter} {task.metric}{_count(comparison, task.task.name)}": _score(result),
            f"{letter} against best": _against(result, record),
            f"{letter} change": _signed(result.change if result else None),
        }
    share_learning = [phase.share for phase in summary.phases if phase.share is not None]
    learning = [phase.trainable for phase in summary.phases if phase.trainable is not None]
    return {
        "Plan": run.label,
        **scores,
        "Learn": f"{max(learning):,}" if learning else "",
        "Share": share(max(share_learning)) if share_learning else "",
        "Rates": rate_words(rate for phase in summary.phases for rate in phase.rates),
        "Epochs": f"{summary.epoch if end is None else summary.spec.epochs:.3g}",
        "Seconds": "" if end is None else f"{end.total_seconds:.1f}",
        "Peak memory": "" if end is None else memory(end.peak_memory_bytes),
        "Frozen, identical": proof_words(summary),
    }


def proof_words(summary: RunSummary) -> str:
    """What the SHA-256 of the frozen tensors says at the run's end."""
    end = summary.finished
    if end is None:
        return "not checked to the end"
    if not end.frozen_tensors:
        return "none frozen"
    count = f"{end.frozen_tensors:,}"
    return f"❄︎ {count} of {count}" if end.frozen_identical else "✕ a tensor changed"


def score_rules(comparison: Comparison) -> str:
    """How the scores were measured, and by which rules they are marked."""
    kinds = {task.task.kind for task in comparison.tasks}
    parts = [
        "Each score is the last one on the validation sentences; change: from before training."
    ]
    if TaskKind.SENTENCE in kinds:
        parts.append("Accuracy ± its standard error, √(p(1−p)/n).")
        if len(comparison.runs) > 1:
            parts.append(
                "≈ within noise: at most one standard error of the best below it, and one seed "
                "cannot separate them."
            )
    if TaskKind.TOKEN in kinds:
        parts.append("Entity F1 has no such formula: no error is given, and no tie is claimed.")
    if not comparison.same_questions:
        parts.append("The runs answer different sentences, so that no score is marked.")
    parts.append("Learn and share: the most in any phase.")
    return " ".join(parts)


def _asked_for(records: Sequence[RunRecord]) -> str:
    """When the runs were asked for: a picture of the page stands alone."""
    days = list(
        dict.fromkeys(
            moment(time).rsplit(" ", 1)[0] for time in sorted(each.created_at for each in records)
        )
    )
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _count(comparison: Comparison, task: str) -> str:
    """The number of validation sentences, where it is the same in all runs."""
    counts = {run.results[task].sentences for run in comparison.runs if task in run.results}
    return f", n = {next(iter(counts)):,}" if len(counts) == 1 and None not in counts else ""


def _score(result: Result | None) -> str:
    if result is None or result.value is None:
        return ""
    if result.standard_error is None:
        return f"{result.value:.3f}"
    return f"{result.value:.3f} ± {result.standard_error:.3f}"


def _against(result: Result | None, record: RunRecord) -> str:
    if result is None:
        return ""
    if record.state is not RunState.FINISHED:
        return STATE_SIGNS[record.state]
    match result.standing:
        case Standing.BEST:
            return "best"
        case Standing.WITHIN_NOISE:
            return "≈ within noise"
        case Standing.BELOW:
            return f"−{result.behind or 0.0:.3f}"
        case Standing.OPEN:
            return "not compared"


def _signed(change: float | None) -> str:
    if change is None:
        return ""
    return f"{'−' if change < 0 else '+'}{abs(change):.3f}"
