"""The `claims` command: runs the comparisons that test the claims and prints the verdicts."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from time import monotonic, sleep
from typing import Annotated

import typer

from mtl_core.analysis.claim_verdicts import Finding
from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.cli.console import plain_console, plain_table, print_json
from mtl_core.cli.model_and_plan import load_model
from mtl_core.engine.lab import Lab
from mtl_core.errors import UnknownComparison
from mtl_core.lessons.claim_runs import (
    claim_finding,
    experiment_of,
    local_runs,
    queue_arms,
)
from mtl_core.lessons.claims import CLAIMS, Claim, claim_by_id
from mtl_core.lessons.experiments import EXPERIMENTS, Experiments, experiments_with
from mtl_core.lessons.shipped_runs import write_shipped_runs
from mtl_core.lessons.verdict_text import SIGNS, effect_text, interval_text, published_text
from mtl_core.models.checkpoint import has_weights, resolve_checkpoint
from mtl_core.report.run_words import about, duration
from mtl_core.settings import ANY_FILE, Settings
from mtl_core.store.record import ComparisonRecord, RunRecord, RunState

_POLL_SECONDS = 0.5


class ClaimFormat(StrEnum):
    """The output formats of `claims`."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def claims(
    claim: Annotated[
        list[str] | None,
        typer.Option("--claim", metavar="ID", help="Test only this claim. Repeatable."),
    ] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(metavar="REF", help="The checkpoint to test on.  [default: minilm-l6]"),
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="REF", help="The data to test on.  [default: sample]")
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Epochs per run.  [default: 3]")] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Maximum sub-word tokens per sentence.  [default: 128]")
    ] = None,
    ship: Annotated[
        bool, typer.Option("--ship", help="Write the runs into the package, to ship them with it.")
    ] = False,
    form: Annotated[ClaimFormat, typer.Option("--format")] = ClaimFormat.TABLE,
) -> None:
    """Run every comparison that tests a claim about freezing, and print the verdicts.

    Claims share runs, and finished runs are kept: start the command again to resume it.
    """
    selected = [claim_by_id(name) for name in claim] if claim else list(CLAIMS)
    changes = {"checkpoint": checkpoint, "data": data, "epochs": epochs, "max_length": max_length}
    changed = any(value is not None for value in changes.values())
    experiments = experiments_with(**changes) if changed else EXPERIMENTS
    with Lab(Settings.from_environment(), reserved=True) as lab:
        _run_all(lab, [each for each in selected if _can_run(each, experiments)], experiments)
        findings = _findings(lab, selected, experiments)
        if ship:
            _ship(lab, selected, experiments)
    _print(selected, findings, form)


def _can_run(claim: Claim, experiments: Experiments) -> bool:
    names = {experiments[arm.experiment].spec.checkpoint for arm in claim.arms}
    return all(has_weights(resolve_checkpoint(name, ANY_FILE)) for name in names)


def _run_all(lab: Lab, claims: Sequence[Claim], experiments: Experiments) -> None:
    """Resume incomplete comparisons, queue missing runs, and wait until all runs have ended."""
    for record in lab.store.comparisons(limit=1000):
        name = experiment_of(record, experiments)
        is_first_stage = name is not None and experiments[name].starts_from is None
        if is_first_stage and any(run.state is not RunState.FINISHED for run in record.runs):
            lab.resume_comparison(record.id)
    arms = tuple(dict.fromkeys(arm for claim in claims for arm in claim.arms))
    queue_arms(lab, arms, lambda reference, data: load_model(reference, data)[1], experiments)
    _wait(lab, experiments)


def _wait(lab: Lab, experiments: Experiments) -> None:
    """Print a line for each run that ends, until all have ended."""
    started = monotonic()
    records = [
        record for record in lab.store.comparisons(limit=1000) if experiment_of(record, experiments)
    ]
    printed: set[str] | None = None
    while True:
        records = [now for record in records if (now := _reloaded(lab, record)) is not None]
        runs = [run for record in reversed(records) for run in record.runs]
        ended = [run for run in runs if run.state.is_final]
        if printed is None:
            printed = {run.id for run in ended}
            _log(f"{len(runs) - len(ended)} runs to train, {len(ended)} are already available.")
        for run in ended:
            if run.id not in printed:
                printed.add(run.id)
                _log(f"{len(printed)} of {len(runs)}  {_ended_text(run)}{_left(lab, records)}")
        if len(ended) == len(runs):
            _log(f"All runs have ended after {duration(monotonic() - started)}.")
            if failed := sum(run.state is not RunState.FINISHED for run in runs):
                _log(f"{failed} did not finish: run the same command again to repeat them.")
            return
        sleep(_POLL_SECONDS)


def _reloaded(lab: Lab, record: ComparisonRecord) -> ComparisonRecord | None:
    """The current state of a comparison; None if it was deleted. An ended one is not read again."""
    if record.ended:
        return record
    try:
        return lab.store.comparison(record.id)
    except UnknownComparison:
        return None


def _ended_text(run: RunRecord) -> str:
    seconds = ""
    if run.started_at and run.finished_at:
        seconds = f" in {duration((run.finished_at - run.started_at).total_seconds())}"
    reason = f": {run.reason}" if run.reason else ""
    return f"{run.name}, seed {run.spec.seed}, {run.state}{seconds}{reason}"


def _left(lab: Lab, records: Sequence[ComparisonRecord]) -> str:
    left = [
        lab.comparison_progress(record.id).remaining_seconds
        for record in records
        if not record.ended
    ]
    known = [seconds for seconds in left if seconds is not None]
    return f", {about(sum(known))} left" if known and len(known) == len(left) else ""


def _findings(lab: Lab, claims: Sequence[Claim], experiments: Experiments) -> list[Finding]:
    runs = local_runs(lab.store, experiments)
    read: dict[str, RunSummary] = {}

    def summary_of(run: RunRecord) -> RunSummary:
        if run.id not in read:
            events = (event for _, event in lab.store.events(run.id))
            read[run.id] = summarise(run.id, run.spec, events)
        return read[run.id]

    return [claim_finding(claim, runs, summary_of, lab.access, experiments) for claim in claims]


def _ship(lab: Lab, claims: Sequence[Claim], experiments: Experiments) -> None:
    runs = local_runs(lab.store, experiments)
    arms = dict.fromkeys(arm for claim in claims for arm in claim.arms)
    comparisons = dict.fromkeys(
        run.comparison for arm in arms for run in runs.get(arm, {}).values() if run.comparison
    )
    files = write_shipped_runs(lab.store, comparisons)
    size = sum(file.stat().st_size for file in files)
    _log(f"{len(files)} comparisons written into {files[0].parent}, {size / 1e6:.1f} MB.")


def _print(claims: Sequence[Claim], findings: Sequence[Finding], form: ClaimFormat) -> None:
    rows = list(zip(claims, findings, strict=True))
    if form is ClaimFormat.JSON:
        print_json([_as_json(*row) for row in rows])
    elif form is ClaimFormat.MARKDOWN:
        print("| claim | verdict | effect | 95 % interval | published |\n|---|---|--:|---|---|")
        for row in rows:
            print(f"| {' | '.join(_cells(*row))} |")
    else:
        table = plain_table("claim", "verdict", "effect", "95 % interval", "published")
        for row in rows:
            table.add_row(*_cells(*row))
        plain_console().print(table)


def _cells(claim: Claim, finding: Finding) -> tuple[str, ...]:
    verdict = f"{SIGNS[finding.verdict]} {finding.verdict}"
    published = published_text(claim) if claim.published else ""
    return claim.sentence, verdict, effect_text(finding), interval_text(finding), published


def _as_json(claim: Claim, finding: Finding) -> dict[str, object]:
    return {
        "id": claim.id,
        "sentence": claim.sentence,
        "tested": claim.tested,
        "chapter": claim.chapter,
        "verdict": finding.verdict,
        "scale": finding.scale,
        "effect": finding.effect,
        "low": finding.low,
        "high": finding.high,
        "bar": finding.bar,
        "seeds": finding.seeds,
        "detail": finding.detail,
        "published": published_text(claim) if claim.published else None,
    }


def _log(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
