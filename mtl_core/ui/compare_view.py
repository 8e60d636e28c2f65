"""The Compare page: the answer, and the table that it is read from."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mtl_core.analysis.comparison import (
    ComparedRun,
    Comparison,
    Result,
    Standing,
    answer,
    compare,
    distinct_labels,
)
from mtl_core.charts.sketch import loss_sketch
from mtl_core.charts.theme import DARK, Palette
from mtl_core.engine.lab import Lab
from mtl_core.lessons.titles import task_title
from mtl_core.store.record import RunRecord, RunState
from mtl_core.tasks.task import TaskKind
from mtl_core.ui.compared import runs_picker
from mtl_core.ui.keys import Key
from mtl_core.ui.page import header, plain
from mtl_core.ui.run_cache import summary_of
from mtl_core.ui.run_words import (
    STATE_SIGNS,
    data_words,
    memory,
    moment,
    plan_words,
    rate_words,
    share,
)

_ROW_HEIGHT = 35


def comparison_of(lab: Lab, records: Sequence[RunRecord]) -> Comparison:
    """The runs read from the store, each under a name that no other bears."""
    specs = [record.spec for record in records]
    names = [plan_words(spec) for spec in specs]
    labels = distinct_labels(names, specs, [record.id for record in records])
    return compare(
        [(label, summary_of(lab, each)) for label, each in zip(labels, records, strict=True)]
    )


def compare_header(
    comparison: Comparison, records: Sequence[RunRecord], known: Sequence[RunRecord]
) -> None:
    """The answer, the facts that the runs share, and the picker over all `known` runs."""
    titles = {task.task.name: task_title(task.task.name) for task in comparison.tasks}
    still_running = any(record.state is RunState.RUNNING for record in records)
    with header(
        plain(answer(comparison, titles)),
        [plain(fact) for fact in _facts(comparison, records)],
        buttons=2 if still_running else 1,
    ):
        if still_running:
            st.button("Update", key=Key.UPDATE, icon=":material/refresh:")
        runs_picker(known, records)


def comparison_table(comparison: Comparison, records: Sequence[RunRecord], colors: Palette) -> None:
    """One row a run, and the rules by which its scores are marked."""
    st.markdown("### Scores and what they cost")
    rows = pd.DataFrame(
        [
            _row(run, record, comparison, colors)
            for run, record in zip(comparison.runs, records, strict=True)
        ]
    )
    against = [name for name in rows.columns if name.endswith("against best")]
    looks = {"best": "font-weight: 650"}
    styled = rows.style.map(lambda _: "font-weight: 600", subset=["Plan"])
    styled = styled.map(lambda v: looks.get(v, f"color: {colors.muted}"), subset=pd.Index(against))
    left = ("Plan", "Rates", "Frozen, identical", *against)
    st.dataframe(
        styled,
        key=Key.COMPARISON,
        hide_index=True,
        height="content",
        row_height=_ROW_HEIGHT,
        placeholder="",
        alt="The runs compared",
        column_config={
            name: st.column_config.TextColumn(name, alignment="left" if name in left else "right")
            for name in rows.columns
        },
    )
    st.caption(_rules(comparison))


def nothing_to_compare(colors: Palette, known: int) -> None:
    """The page while fewer than two runs can be compared."""
    have = "One run is here; one more is needed." if known else "Two finished runs are enough."
    header(
        "Nothing to compare yet",
        [f"{have} Runs that differ only in the plan answer what freezing does."],
    )
    if st.button(
        "Train a plan on the sample: about a minute",
        key=Key.TO_TRAIN,
        icon=":material/play_arrow:",
        type="secondary" if colors is DARK else "primary",
    ):
        st.switch_page("pages/train.py")
    with st.grid(2, min_column_width=330, gap="medium"):
        for name in ("A · Sentiment", "B · NER"):
            st.plotly_chart(
                loss_sketch(f"{name}: each run's loss, one over the other", colors),
                key=f"sketch_{name[0]}",
                theme=None,
                config={"displayModeBar": False, "staticPlot": True},
            )


def _facts(comparison: Comparison, records: Sequence[RunRecord]) -> list[str]:
    """What all runs share, and the seeds; what they do not share stands further down."""
    summaries = [run.summary for run in comparison.runs]
    if not summaries:
        return ["“Choose runs” lists those of this store."]
    specs = [summary.spec for summary in summaries]
    seeds = sorted({spec.seed for spec in specs})
    facts = [
        {spec.checkpoint for spec in specs},
        {f"data: {data_words(summary)}" for summary in summaries},
        {_epochs(spec.epochs) for spec in specs},
        {f"batches of {spec.batch_size}" for spec in specs},
        {f"{spec.max_length} sub-words at most" for spec in specs},
    ]
    shared = [next(iter(values)) for values in facts if len(values) == 1]
    listed_seeds = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
    count = f"{len(specs)} run{'s' if len(specs) > 1 else ''}"
    return [count, *shared, listed_seeds, _asked_for(records)]


def _asked_for(records: Sequence[RunRecord]) -> str:
    """When the runs were asked for: a picture of the page stands alone."""
    days = list(
        dict.fromkeys(
            moment(time).rsplit(" ", 1)[0] for time in sorted(each.created_at for each in records)
        )
    )
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _epochs(epochs: float) -> str:
    return "1 epoch" if epochs == 1 else f"{epochs:g} epochs"


def _row(
    run: ComparedRun, record: RunRecord, comparison: Comparison, colors: Palette
) -> dict[str, str]:
    summary, end = run.summary, run.summary.finished
    scores: dict[str, str] = {}
    for number, task in enumerate(comparison.tasks):
        letter, result = colors.task(number).letter, run.results.get(task.task.name)
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
        "Frozen, identical": _proof(run),
    }


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


def _proof(run: ComparedRun) -> str:
    end = run.summary.finished
    if end is None:
        return "not checked to the end"
    if not end.frozen_tensors:
        return "none frozen"
    count = f"{end.frozen_tensors:,}"
    return f"❄︎ {count} of {count}" if end.frozen_identical else "✕ a tensor changed"


def _rules(comparison: Comparison) -> str:
    kinds = {task.task.kind for task in comparison.tasks}
    parts = [
        "Each score is the last one on the validation sentences; change: from before training."
    ]
    if TaskKind.SENTENCE in kinds:
        parts.append(
            "Accuracy ± its standard error, √(p(1−p)/n). ≈ within noise: at most one standard "
            "error of the best below it, and one seed cannot separate them."
        )
    if TaskKind.TOKEN in kinds:
        parts.append("Entity F1 has no such formula: no error is given, and no tie is claimed.")
    if not comparison.same_questions:
        parts.append("The runs answer different sentences, so that no score is marked.")
    parts.append("Learn and share: the most in any phase.")
    return " ".join(parts)
