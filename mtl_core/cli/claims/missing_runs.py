"""Makes the runs that claims lack, judges the claims by them, or adds them to the included ones."""

import sys
from collections.abc import Sequence
from time import monotonic, sleep

from mtl_core.analysis.claim_rules import Arm
from mtl_core.analysis.claim_verdicts import Finding
from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.cli.model_and_plan import load_model
from mtl_core.engine.lab import Lab
from mtl_core.errors import UnknownComparison
from mtl_core.lessons.claim import Claim
from mtl_core.lessons.claim_results import FILE, ClaimResult, results_json
from mtl_core.lessons.claim_runs import (
    ArmRuns,
    can_run,
    claim_finding,
    complete_arms,
    local_comparisons,
    local_runs,
    missing_arms,
)
from mtl_core.lessons.claims import CLAIMS
from mtl_core.lessons.experiments import EXPERIMENTS, Experiments, with_start_arms
from mtl_core.lessons.shipped_runs import ShippedRuns, add_shipped_runs, judged_by_shipped_runs
from mtl_core.models.description import ModelDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.report.run_words import about, duration
from mtl_core.settings import Settings
from mtl_core.store.record import ComparisonRecord, RunRecord, RunState
from mtl_core.tasks.data_sources import owner_dataset

_POLL_SECONDS = 0.5


def run_claims(claims: Sequence[Claim], experiments: Experiments) -> list[ClaimResult]:
    """Make the missing runs of `claims`, and judge the claims by the runs of this machine.

    Runs that ended before they finished are repeated; finished runs are not.
    """
    settings = Settings.from_environment()
    access = settings.owner_access
    possible = [each for each in claims if can_run(each, experiments, access, owner_dataset)]
    with Lab(settings, reserved=True) as lab:
        _run_all(lab, _arms(possible), experiments)
        runs = local_runs(lab.store, experiments)
        findings = _findings(lab, claims, runs, experiments)
    return [
        ClaimResult.of(claim, finding, runs)
        for claim, finding in zip(claims, findings, strict=True)
    ]


def ship_claims(claims: Sequence[Claim]) -> list[ClaimResult]:
    """Make the runs of `claims` that the included ones lack, and add them to the package.

    A second stage that is missing also needs the models of its first stage, which are not included:
    those runs are repeated here, and stay here. Raises BadInput if a run did not finish.
    """
    settings = Settings.from_environment()
    access = settings.owner_access
    possible = [each for each in claims if can_run(each, EXPERIMENTS, access, owner_dataset)]
    lacking = missing_arms(ShippedRuns().by_arm, _arms(possible))
    with Lab(settings, reserved=True) as lab:
        _run_all(lab, with_start_arms(lacking), EXPERIMENTS)
        made = local_runs(lab.store)
        files = add_shipped_runs(lab.store, {arm: made[arm] for arm in lacking if arm in made})
    results = judged_by_shipped_runs(CLAIMS, owner_dataset)
    FILE.write_text(results_json(results), encoding="utf-8")
    size = sum(file.stat().st_size for file in files)
    _log(f"{len(files)} comparisons are included in {FILE.parent}, {size / 1e6:.1f} MB.")
    _log("`make docs` updates docs/claims.md.")
    return [results[each.id] for each in claims]


def _arms(claims: Sequence[Claim]) -> tuple[Arm, ...]:
    return tuple(dict.fromkeys(arm for claim in claims for arm in claim.arms))


def _run_all(lab: Lab, arms: tuple[Arm, ...], experiments: Experiments) -> None:
    """Resume incomplete comparisons, queue missing runs, and wait until all runs have ended."""
    complete_arms(lab, arms, _model, experiments)
    _wait(lab, {arm.experiment for arm in arms}, experiments)


def _model(checkpoint: str, vector: SentenceVector | None, *, data: str) -> ModelDescription:
    return load_model(checkpoint, data, vector)[1]


def _wait(lab: Lab, names: set[str], experiments: Experiments) -> None:
    """Print a line for each run that ends, until all have ended."""
    started = monotonic()
    records = local_comparisons(lab.store, names, experiments)
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
            diverged = sum(run.diverged for run in runs)
            if failed := sum(run.state is not RunState.FINISHED for run in runs) - diverged:
                _log(f"{failed} did not finish: run the same command again to repeat them.")
            if diverged:
                _log(f"{diverged} diverged: the same settings would diverge again.")
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
    seconds = "" if run.seconds is None else f" in {duration(run.seconds)}"
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


def _findings(
    lab: Lab, claims: Sequence[Claim], runs: ArmRuns, experiments: Experiments
) -> list[Finding]:
    read: dict[str, RunSummary] = {}

    def summary_of(run: RunRecord) -> RunSummary:
        if run.id not in read:
            events = (event for _, event in lab.store.events(run.id))
            read[run.id] = summarise(run.id, run.spec, events)
        return read[run.id]

    return [
        claim_finding(claim, runs, summary_of, lab.data.dataset, experiments) for claim in claims
    ]


def _log(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
