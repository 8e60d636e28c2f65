"""The `claims` command: run what tests the claims, and say what comes out."""

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from time import monotonic, sleep
from typing import Annotated

import typer
from rich.table import Table

from mtl_core.analysis.claim_verdicts import Finding
from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.cli.console import plain_console
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
    """How verdicts are printed."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def claims(
    claim: Annotated[
        list[str] | None,
        typer.Option("--claim", metavar="ID", help="Only this claim. Repeatable."),
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option(metavar="REF", help="On another checkpoint than minilm-l6.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="REF", help="On other data than the sample.")
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Of each run; else 3.")] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Sub-words a sentence, at most; else 128.")
    ] = None,
    ship: Annotated[
        bool, typer.Option("--ship", help="Write the runs into the package, to come with it.")
    ] = False,
    form: Annotated[ClaimFormat, typer.Option("--format")] = ClaimFormat.TABLE,
) -> None:
    """Run every comparison that tests a claim about freezing, and print the verdicts.

    Runs that claims share are made once, and what is finished is kept: begun again, it goes on.
    """
    asked = [claim_by_id(name) for name in claim] if claim else list(CLAIMS)
    changes = {"checkpoint": checkpoint, "data": data, "epochs": epochs, "max_length": max_length}
    changed = any(value is not None for value in changes.values())
    experiments = experiments_with(**changes) if changed else EXPERIMENTS
    with Lab(Settings.from_environment(), reserved=True) as lab:
        _run_all(lab, [each for each in asked if _can_run(each, experiments)], experiments)
        findings = _findings(lab, asked, experiments)
        if ship:
            _ship(lab, asked, experiments)
    _print(asked, findings, form)


def _can_run(claim: Claim, experiments: Experiments) -> bool:
    names = {experiments[arm.experiment].spec.checkpoint for arm in claim.arms}
    return all(has_weights(resolve_checkpoint(name, ANY_FILE)) for name in names)


def _run_all(lab: Lab, claims: Sequence[Claim], experiments: Experiments) -> None:
    """Go on with what was broken off, queue what is missing, and wait until all has ended."""
    for record in lab.store.comparisons(limit=1000):
        name = experiment_of(record, experiments)
        stands_alone = name is not None and experiments[name].starts_from is None
        if stands_alone and any(run.state is not RunState.FINISHED for run in record.runs):
            lab.resume_comparison(record.id)
    arms = tuple(dict.fromkeys(arm for claim in claims for arm in claim.arms))

    queue_arms(lab, arms, lambda *named: load_model(*named)[1], experiments)
    _wait(lab, experiments)


def _wait(lab: Lab, experiments: Experiments) -> None:
    """Tell each run that ends, until none is left."""
    began, told = monotonic(), set[str]()
    first = True
    mine = [
        record for record in lab.store.comparisons(limit=1000) if experiment_of(record, experiments)
    ]
    while True:
        mine = [now for record in mine if (now := _now(lab, record)) is not None]
        runs = [run for record in reversed(mine) for run in record.runs]
        ended = [run for run in runs if run.state.is_final]
        if first:
            told, first = {run.id for run in ended}, False
            _say(f"{len(runs) - len(ended)} runs to make, {len(ended)} are there.")
        for run in ended:
            if run.id not in told:
                told.add(run.id)
                _say(f"{len(told)} of {len(runs)}  {_ending(run)}{_left(lab, mine)}")
        if len(ended) == len(runs):
            _say(f"All runs have ended after {duration(monotonic() - began)}.")
            if lost := sum(run.state is not RunState.FINISHED for run in runs):
                _say(f"{lost} did not finish: the same command makes them again.")
            return
        sleep(_POLL_SECONDS)


def _now(lab: Lab, record: ComparisonRecord) -> ComparisonRecord | None:
    """A comparison as it is now; one that has ended is not read again, and None if it is gone."""
    if record.ended:
        return record
    try:
        return lab.store.comparison(record.id)
    except UnknownComparison:
        return None


def _ending(run: RunRecord) -> str:
    took = ""
    if run.started_at and run.finished_at:
        took = f" in {duration((run.finished_at - run.started_at).total_seconds())}"
    why = f": {run.reason}" if run.reason else ""
    return f"{run.name}, seed {run.spec.seed}, {run.state}{took}{why}"


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
    _say(f"{len(files)} comparisons written into {files[0].parent}, {size / 1e6:.1f} MB.")


def _print(claims: Sequence[Claim], findings: Sequence[Finding], form: ClaimFormat) -> None:
    rows = list(zip(claims, findings, strict=True))
    if form is ClaimFormat.JSON:
        print(json.dumps([_as_json(*row) for row in rows], indent=2, ensure_ascii=False))
    elif form is ClaimFormat.MARKDOWN:
        print("| claim | verdict | effect | 95 % interval | published |\n|---|---|--:|---|---|")
        for row in rows:
            print(f"| {' | '.join(_cells(*row))} |")
    else:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("claim", "verdict", "effect", "95 % interval", "published"):
            table.add_column(column, overflow="fold")
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


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
