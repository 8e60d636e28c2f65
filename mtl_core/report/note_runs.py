"""The note's account of its runs: stages, differences, proof, and what they ran on."""

from collections.abc import Iterator, Mapping

from mtl_core.analysis.differences import spec_differences
from mtl_core.analysis.grouping import finished_runs
from mtl_core.analysis.summary import PhaseProgress, RunSummary
from mtl_core.analysis.words import listed
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
from mtl_core.report.chain_words import chain_lines, chain_rows, chain_title
from mtl_core.report.compare_words import metric_name
from mtl_core.report.material import Material
from mtl_core.report.phases import phase_row
from mtl_core.report.run_words import STATE_SIGNS, moment
from mtl_core.report.scores import proof_words
from mtl_core.training.spec import RunSpec


def chains(material: Material) -> Iterator[Block]:
    """Of each run that goes on from another: its stages, and what they cost earlier tasks. Of a
    plan with several seeds its lowest seed's."""
    for label, run in material.one_of_each:
        if run.chain is None:
            continue
        seed = f", seed {run.record.spec.seed}" if material.compared.several_seeds else ""
        yield Text(f"{label}{seed}: {chain_title(run.chain)}.")
        yield table_of(chain_rows(run.chain), left=("Stage", "Run", "Learned"))
        for line in chain_lines(run.chain):
            yield Text(line)


def differences(material: Material) -> Iterator[Block]:
    """The keys of the specs that are not equal, a column a run, or a plan without its seeds."""
    found = spec_differences([run.summary.spec for _, run in material.one_of_each])
    labels = [label for label, _ in material.one_of_each]
    if not found:
        yield Text("In nothing: the same spec was run again.")
        return
    yield Table(
        ("Key of the spec", *labels),
        tuple((each.key, *(value or NOTHING for value in each.values)) for each in found),
    )
    seeds = " but the seed" if material.compared.several_seeds else ""
    yield Text(
        f"All other keys of the specs{seeds} are equal. {NOTHING}: this spec has no such key."
    )


def proof(material: Material) -> Iterator[Block]:
    """What the digests of the frozen tensors said, phase by phase and over each run."""
    yield Text(
        "The SHA-256 of each frozen tensor is taken before and after each phase, and over the "
        "whole run of every tensor that no phase let learn; where a model was written, its file "
        "is compared with the file that the run started from too, unless its weights were drawn."
    )
    if material.compared.by_plan:
        yield table_of(list(_plan_proofs(material)))
        return
    rows = [
        {"Plan": label.label, **_phase(phase, run.summary)}
        for label, run in material.named
        for phase in run.summary.phases
    ]
    yield table_of(rows)
    ends = [f"{label.label}: {proof_words(run.summary)}" for label, run in material.named]
    yield Text(f"Over the whole run: {'; '.join(ends)}.")


def _plan_proofs(material: Material) -> Iterator[dict[str, str]]:
    """A row for each plan and phase: how many frozen tensors, identical in how many runs; and, of
    a plan of several phases, one for the whole run."""
    for plan in material.compared.every_plan:
        runs = tuple(finished_runs(plan).values())
        phases = runs[0].phases if runs else ()
        for place, phase in enumerate(phases):
            kept = sum(bool(run.phases[place].frozen_identical) for run in runs)
            learn = "" if phase.trainable is None else f"{phase.trainable:,}"
            yield {
                "Plan": plan.label,
                "Phase": f"{phase.number}  {phase.name}",
                "Parameters that learn": learn,
                **_kept(phase.frozen_tensors or 0, kept, len(runs)),
            }
        ends = [run.finished for run in runs if run.finished is not None]
        if len(phases) > 1:
            kept = sum(end.frozen_identical for end in ends)
            yield {
                "Plan": plan.label,
                "Phase": "the whole run",
                **_kept(min(end.frozen_tensors for end in ends), kept, len(runs)),
            }


def _kept(frozen: int, kept: int, runs: int) -> dict[str, str]:
    return {
        "Frozen tensors": f"{frozen:,}",
        "Frozen, identical": f"in {kept} of {runs} runs" if frozen else "none frozen",
    }


def _phase(phase: PhaseProgress, summary: RunSummary) -> dict[str, str]:
    titles = task_titles(summary.tasks)
    return {spelled(name, titles): text for name, text in phase_row(phase, summary).items()}


def runs(material: Material) -> Table:
    """Each run by its id, and, of plans with several seeds, what it came to; there checkpoint and
    data stand at the top of the note where all runs share them."""
    several = material.compared.by_plan
    specs = [run.record.spec for run in material.runs]
    shared = several and len({(spec.checkpoint, spec.data) for spec in specs}) == 1
    return table_of(
        [
            {
                "Plan": label.label,
                "Run": run.id,
                "Name": run.record.title or "",
                "Tags": ", ".join(run.record.tags),
                "State": STATE_SIGNS[run.record.state],
                **(_ends(run.summary) if several else {}),
                "Checkpoint": "" if shared else run.record.spec.checkpoint,
                "Data": "" if shared else run.record.spec.data,
                "Seed": str(run.record.spec.seed),
                "Started": moment(run.record.started_at or run.record.created_at),
            }
            for label, run in material.named
        ],
        left=("Run", "Name", "Tags", "Checkpoint", "Data", "Started"),
    )


def _ends(summary: RunSummary) -> dict[str, str]:
    end = summary.finished
    return {
        **{
            f"{task_title(task.name)} {metric_name(task)}": (
                f"{end.metrics[task.name].headline:.3f}" if end and task.name in end.metrics else ""
            )
            for task in summary.spec.tasks
        },
        "Seconds": f"{end.total_seconds:.1f}" if end else "",
    }


def environment(material: Material) -> Iterator[Block]:
    """What all runs ran on; where they do not agree, which did on what."""
    rows: dict[tuple[str, str], list[str]] = {}
    for label, run in material.named:
        for name, value in environment_of(run.record.spec).items():
            rows.setdefault((name, value), []).append(label.label)
    if rows:
        yield Table(
            ("What", "Value", "Runs"),
            tuple(
                (name, value, "all" if len(labels) == len(material.runs) else listed(labels))
                for (name, value), labels in rows.items()
            ),
        )


def environment_of(spec: RunSpec) -> Mapping[str, str]:
    """Versions, threads and digests that a run wrote down when it began."""
    return {
        **spec.versions,
        "threads": str(spec.threads),
        **({"weights, SHA-256": spec.weights_digest} if spec.weights_digest else {}),
        **{f"{name}, SHA-256": digest for name, digest in spec.data_digests.items()},
    }
