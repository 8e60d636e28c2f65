"""The state of the Guide page: the verdict on each claim from shipped and from local runs."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path

from cachetools import LRUCache, cached

from mtl_core.analysis.claim_rules import Arm, Cheaper, KeptBytes, Quantity, arms_of
from mtl_core.analysis.claim_verdicts import ClaimVerdict, Finding, holm_adjusted
from mtl_core.engine.lab import Lab
from mtl_core.lessons.claim import Claim, missing_weights
from mtl_core.lessons.claim_results import ClaimResult, judged_runs, shipped_results
from mtl_core.lessons.claim_runs import (
    ArmRuns,
    claim_comparisons,
    claim_finding,
    missing_arms,
    runs_of_arms,
)
from mtl_core.lessons.claims import CLAIMS
from mtl_core.lessons.experiments import EXPERIMENTS
from mtl_core.report.run_words import shared_words
from mtl_core.store.record import ComparisonRecord, RunRecord, RunState
from mtl_core.ui.shared.run_cache import summary_of


@dataclass(frozen=True, slots=True)
class ClaimState:
    """One claim and its verdict.

    `finding` is the displayed verdict: of the shipped runs, or of local runs without shipped ones.
    `local` is the verdict of local runs if there is a shipped one as well; otherwise None.
    `comparison` is the id of the comparison to link to. `to_run` are the arms with missing local
    runs, `runs` the local runs that have finished or will. `missing` are checkpoints without
    weights on this machine. `shared` marks seconds that were measured beside other jobs, as the
    Compare page does (`shared_words`); it is empty for claims about other quantities. `adjusted` is
    the p-value of `finding` after Holm's adjustment over all claims, None for an exact finding.
    """

    claim: Claim
    finding: Finding
    local: Finding | None
    comparison: str | None
    to_run: tuple[Arm, ...]
    runs: tuple[RunRecord, ...]
    missing: tuple[str, ...]
    shared: str
    adjusted: float | None = None


@dataclass(frozen=True, slots=True)
class GuideState:
    """The state of all claims.

    `shipped_at` is the date of the newest shipped run. `seconds` is the duration of all seeds of
    each shipped arm, by experiment and scenario. `active` are the unfinished local comparisons,
    oldest first.
    """

    claims: tuple[ClaimState, ...]
    shipped_at: datetime | None
    seconds: dict[tuple[str, str], float]
    active: tuple[ComparisonRecord, ...]


def guide_state(lab: Lab) -> GuideState:
    """Loads the current state of every claim from the store."""
    known = claim_comparisons(lab.store)
    local_comparisons = [each for each in known if not each.shipped]
    shipped = runs_of_arms(each for each in known if each.shipped)
    own = runs_of_arms(local_comparisons)
    made = [run.created_at for by_seed in shipped.values() for run in by_seed.values()]
    states = [_state(lab, claim, shipped, own) for claim in CLAIMS]
    adjusted = holm_adjusted([state.finding.p_value for state in states])
    return GuideState(
        claims=tuple(
            replace(state, adjusted=each) for state, each in zip(states, adjusted, strict=True)
        ),
        shipped_at=max(made, default=None),
        seconds=_seconds(shipped),
        active=tuple(each for each in reversed(local_comparisons) if not each.ended),
    )


def expected_seconds(guide: GuideState, state: ClaimState) -> float | None:
    """Expected duration of the missing runs, from the shipped ones; None if unknown."""
    arms = [(arm.experiment, arm.scenario) for arm in state.to_run]
    if not arms or any(arm not in guide.seconds for arm in arms):
        return None
    return sum(guide.seconds[arm] for arm in arms)


def _state(lab: Lab, claim: Claim, shipped: ArmRuns, own: ArmRuns) -> ClaimState:
    of_shipped = _shipped_finding(lab, claim, shipped)
    of_own = _finding(lab, claim, own)
    counted = isinstance(claim.rule, KeptBytes)
    tested = of_shipped.verdict is not ClaimVerdict.OPEN
    runs = [run for arm in claim.arms for run in own.get(arm, {}).values()]
    return ClaimState(
        claim=claim,
        finding=of_shipped if tested else of_own,
        local=of_own
        if tested and not counted and of_own.verdict is not ClaimVerdict.OPEN
        else None,
        comparison=_comparison(claim, (shipped, own) if tested else (own, shipped)),
        to_run=missing_arms(own, claim.arms),
        runs=tuple(runs),
        missing=missing_weights(claim, lab.access),
        shared=_shared(lab, claim, shipped if tested else own),
    )


def _shared(lab: Lab, claim: Claim, runs: ArmRuns) -> str:
    """The mark of the seconds behind a claim about time; empty for any other claim."""
    if not isinstance(claim.rule, Cheaper) or claim.rule.quantity is not Quantity.SECONDS:
        return ""
    ends = [
        end
        for arm in arms_of(claim.rule)
        for run in runs.get(arm, {}).values()
        if (end := summary_of(lab, run).finished) is not None and run.spec.trained_together is None
    ]
    return shared_words(None, max((end.trained_beside or 0 for end in ends), default=0))


def _shipped_finding(lab: Lab, claim: Claim, runs: ArmRuns) -> Finding:
    """The finding of a claim from the shipped runs.

    It is stored for the runs that are included, so that their events are not read.
    """
    stored = _stored_results().get(claim.id)
    if stored is not None and stored.runs == judged_runs(claim, runs):
        return stored.finding
    return _finding(lab, claim, runs)


@cache
def _stored_results() -> dict[str, ClaimResult]:
    return shipped_results()


def _finding_key(lab: Lab, claim: Claim, runs: ArmRuns) -> tuple[Path | str, str, tuple[str, ...]]:
    return lab.settings.database, claim.id, judged_runs(claim, runs)


@cached(LRUCache(512), key=_finding_key, lock=threading.Lock())
def _finding(lab: Lab, claim: Claim, runs: ArmRuns) -> Finding:
    """The finding of a claim from its finished runs."""
    return claim_finding(claim, runs, lambda record: summary_of(lab, record), lab.data.dataset)


def _comparison(claim: Claim, sources: Sequence[ArmRuns]) -> str | None:
    """The comparison of the claim's first arm in the first of `sources` that has it."""
    for runs in sources:
        for arm in arms_of(claim.rule)[:1]:
            for run in runs.get(arm, {}).values():
                if run.state is RunState.FINISHED:
                    return run.comparison
    return None


def _seconds(shipped: ArmRuns) -> dict[tuple[str, str], float]:
    """Total duration of all seeds of each shipped arm, in seconds."""
    return {
        (arm.experiment, arm.scenario): sum(run.seconds or 0.0 for run in by_seed.values())
        for arm, by_seed in shipped.items()
    }


def guide_facts(state: GuideState) -> list[str]:
    """The facts under the headline: checkpoint, data, seeds and date of the shipped runs."""
    standard = EXPERIMENTS["standard"].spec
    counts = sorted({len(each.spec.seeds) for each in EXPERIMENTS.values()})
    date = f"{state.shipped_at.day} {state.shipped_at:%b %Y}" if state.shipped_at else None
    return [
        f"tested on {standard.checkpoint}",
        f"data: {standard.data}",
        f"{standard.epochs:g} epochs unless stated, {counts[0]} to {counts[-1]} seeds",
        "95 % intervals",
        f"included runs of {date}" if date else "no included runs: test a claim to see its verdict",
    ]
