"""The runs themselves: how their specs differ, the proof of freezing, list and environment."""

from collections.abc import Iterator, Mapping

from mtl_core.analysis.differences import spec_differences
from mtl_core.analysis.plans import finished_runs
from mtl_core.analysis.summary import PhaseProgress, ProgressState, RunSummary
from mtl_core.charts.theme import LIGHT
from mtl_core.freezing.table_text import rate_text
from mtl_core.freezing.titles import task_title
from mtl_core.report.blocks import (
    NOTHING,
    Block,
    Table,
    Text,
    spelled,
    table_of,
    task_titles,
)
from mtl_core.report.load import Report
from mtl_core.report.run_words import STATE_SIGNS, moment, shared_words
from mtl_core.text import listed, percent, score_text
from mtl_core.training.spec import RunSpec

_PHASE_SIGNS = {
    ProgressState.DONE: "✓ done",
    ProgressState.RUNNING: "● running",
    ProgressState.WAITING: "○ waiting",
    ProgressState.INTERRUPTED: "■ interrupted",
}


def difference_blocks(report: Report) -> Iterator[Block]:
    """The spec keys whose values differ, one column per run (or per plan, ignoring seeds)."""
    found = spec_differences([run.summary.spec for _, run in report.one_of_each])
    labels = [label for label, _ in report.one_of_each]
    if not found:
        yield Text("The settings are equal: the same run was repeated.")
        return
    yield Table(
        ("Setting", *labels),
        tuple((each.key, *(value or NOTHING for value in each.values)) for each in found),
    )
    seeds = " except the seed" if report.compared.several_seeds else ""
    yield Text(f"All other settings{seeds} are equal. {NOTHING}: the run has no such setting.")


def proof_blocks(report: Report) -> Iterator[Block]:
    """The comparison of the frozen tensors' digests, for each phase and for the whole run."""
    yield Text(
        "The SHA-256 of each frozen tensor is computed before and after each phase. Tensors that "
        "no phase trains are also compared over the whole run. Where a model was saved, its file "
        "is compared with the file the run started from, unless the weights were random."
    )
    if report.compared.by_plan:
        yield table_of(list(_plan_proofs(report)))
        return
    rows = [
        {"Plan": label.label, **_spelled_phase_row(phase, run.summary)}
        for label, run in report.named
        for phase in run.summary.phases
    ]
    yield table_of(rows)
    ends = [f"{label.label}: {proof_words(run.summary)}" for label, run in report.named]
    yield Text(f"Over the whole run: {'; '.join(ends)}.")


def proof_words(summary: RunSummary) -> str:
    """States whether the frozen tensors' SHA-256 digests were the same at the run's end."""
    end = summary.finished
    if end is None:
        return "not checked to the end"
    if not end.frozen_tensors:
        return "none frozen"
    count = f"{end.frozen_tensors:,}"
    return f"❄︎ {count} of {count}" if end.frozen_identical else "✕ a tensor changed"


def run_blocks(report: Report) -> Iterator[Block]:
    """One row per run with its id, state and start time.

    For plans with several seeds the rows also hold scores and seconds. There, checkpoint and data
    are omitted if all runs share them, because the note lists them at the top.
    """
    by_plan = report.compared.by_plan
    specs = [run.record.spec for run in report.runs]
    shared = by_plan and len({(spec.checkpoint, spec.data) for spec in specs}) == 1
    yield table_of(
        [
            {
                "Plan": label.label,
                "Run": run.id,
                "Name": run.record.title or "",
                "Tags": ", ".join(run.record.tags),
                "State": STATE_SIGNS[run.record.state],
                **(_scores(run.summary) if by_plan else {}),
                "Checkpoint": "" if shared else run.record.spec.checkpoint,
                "Data": "" if shared else run.record.spec.data,
                "Seed": str(run.record.spec.seed),
                "Started": moment(run.record.started_at or run.record.created_at),
            }
            for label, run in report.named
        ],
        left=("Run", "Name", "Tags", "Checkpoint", "Data", "Started"),
    )


def environment_blocks(report: Report) -> Iterator[Block]:
    """Versions, threads and digests; where the runs differ, which runs had which value."""
    rows: dict[tuple[str, str], list[str]] = {}
    for label, run in report.named:
        for name, value in environment_of(run.record.spec).items():
            rows.setdefault((name, value), []).append(label.label)
    if rows:
        yield Table(
            ("What", "Value", "Runs"),
            tuple(
                (name, value, "all" if len(labels) == len(report.runs) else listed(labels))
                for (name, value), labels in rows.items()
            ),
        )


def environment_of(spec: RunSpec) -> Mapping[str, str]:
    """The versions, processor, threads and SHA-256 digests that a run recorded when it started."""
    return {
        **spec.versions,
        **({"processor": spec.processor} if spec.processor else {}),
        "threads": str(spec.threads),
        **({"weights, SHA-256": spec.weights_digest} if spec.weights_digest else {}),
        **{f"{name}, SHA-256": digest for name, digest in spec.data_digests.items()},
    }


def phase_row(phase: PhaseProgress, summary: RunSummary) -> dict[str, str]:
    """A phase as a table row, by column title; empty where a value is unknown or not measured."""
    scores = {
        f"{LIGHT.task(number).letter} {task.metric}": _score(phase.scores, task.task.name)
        for number, task in enumerate(summary.tasks)
    }
    return {
        "State": _phase_sign(phase, summary),
        "Phase": f"{phase.number}  {phase.name}",
        "Trainable parameters": "" if phase.trainable is None else f"{phase.trainable:,}",
        "Share": "" if phase.share is None else percent(phase.share, 1),
        "Learning rate": ", ".join(rate_text(rate) for _, rate in phase.rates) or "–",
        "Steps": "" if phase.steps is None else f"{phase.steps_done:,} of {phase.steps:,}",
        **scores,
        "Frozen, identical": _phase_proof(phase),
    }


def _phase_sign(phase: PhaseProgress, summary: RunSummary) -> str:
    skipped = summary.progress is ProgressState.DONE and phase.state is ProgressState.WAITING
    return "○ not started" if skipped else _PHASE_SIGNS[phase.state]


def _phase_proof(phase: PhaseProgress) -> str:
    if phase.state is ProgressState.RUNNING:
        return "checked at the end"
    if phase.frozen_identical is None:
        return ""
    if not phase.frozen_identical:
        return "no: a tensor changed"
    return f"{phase.frozen_tensors:,} of {phase.frozen_tensors:,}"


def _score(scores: Mapping[str, float | None], task: str) -> str:
    return score_text(scores[task]) if task in scores else ""


def _plan_proofs(report: Report) -> Iterator[dict[str, str]]:
    """One row per plan and phase, and one for the whole run of a plan with several phases.

    Each row holds the number of frozen tensors and the number of runs that left them identical.
    """
    for plan in report.compared.every_plan:
        runs = tuple(finished_runs(plan).values())
        phases = runs[0].phases if runs else ()
        for place, phase in enumerate(phases):
            identical = sum(bool(run.phases[place].frozen_identical) for run in runs)
            yield {
                "Plan": plan.label,
                "Phase": f"{phase.number}  {phase.name}",
                "Trainable parameters": "" if phase.trainable is None else f"{phase.trainable:,}",
                **_identical(phase.frozen_tensors or 0, identical, len(runs)),
            }
        ends = [run.finished for run in runs if run.finished is not None]
        if len(phases) > 1:
            identical = sum(end.frozen_identical for end in ends)
            yield {
                "Plan": plan.label,
                "Phase": "the whole run",
                **_identical(min(end.frozen_tensors for end in ends), identical, len(runs)),
            }


def _identical(frozen: int, identical: int, runs: int) -> dict[str, str]:
    return {
        "Tensors frozen": f"{frozen:,}",
        "Frozen, identical": f"in {identical} of {runs} runs" if frozen else "none frozen",
    }


def _spelled_phase_row(phase: PhaseProgress, summary: RunSummary) -> dict[str, str]:
    titles = task_titles(summary.tasks)
    return {spelled(name, titles): text for name, text in phase_row(phase, summary).items()}


def _scores(summary: RunSummary) -> dict[str, str]:
    end = summary.finished
    shared = shared_words(summary.spec.trained_together, end.trained_beside) if end else ""
    return {
        **{
            f"{task_title(task.name)} {task.metric}": (
                score_text(end.metrics[task.name].headline)
                if end and task.name in end.metrics
                else ""
            )
            for task in summary.spec.tasks
        },
        "Seconds": f"{end.total_seconds:.1f}{shared}" if end else "",
    }
