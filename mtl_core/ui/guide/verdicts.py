"""What the guide's page knows of each claim: the shipped verdict, and the one of runs made here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mtl_core.analysis.claim_rules import Arm, KeptBytes, arms_of
from mtl_core.analysis.claim_verdicts import ClaimVerdict, Finding
from mtl_core.engine.lab import Lab
from mtl_core.lessons.claim_runs import (
    ArmRuns,
    claim_comparisons,
    claim_finding,
    missing_arms,
    runs_of_arms,
)
from mtl_core.lessons.claims import CLAIMS, Claim
from mtl_core.lessons.experiments import EXPERIMENTS
from mtl_core.models.checkpoint import has_weights, resolve_checkpoint
from mtl_core.settings import NO_FILE
from mtl_core.store.record import ComparisonRecord, RunState
from mtl_core.ui.shared.run_cache import Recent, summary_of

_findings: Recent[Finding] = Recent()


@dataclass(frozen=True, slots=True)
class ClaimState:
    """One claim with what runs say of it.

    `finding` is the verdict that counts: the shipped runs', or, without them, that of runs made
    here. `here` is the verdict of runs made here where it stands beside a shipped one.
    `comparison` is the one to look at, `to_run` are the arms of which runs made here are missing,
    `waiting` counts runs that have not ended, `missing` are checkpoints whose weights are not here.
    """

    claim: Claim
    finding: Finding
    here: Finding | None
    comparison: str | None
    to_run: tuple[Arm, ...]
    waiting: int
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GuideState:
    """All claims; `shipped_at` is when the newest shipped comparison was made, `under_way` are
    those made here that have not ended, oldest first."""

    claims: tuple[ClaimState, ...]
    shipped_at: datetime | None
    seconds: dict[tuple[str, str], float]
    under_way: tuple[ComparisonRecord, ...]


def guide_state(lab: Lab) -> GuideState:
    """Every claim's verdicts as the store stands now."""
    known = claim_comparisons(lab.store)
    made_here = [each for each in known if not each.shipped]
    shipped = runs_of_arms(each for each in known if each.shipped)
    own = runs_of_arms(made_here)
    made = [run.created_at for by_seed in shipped.values() for run in by_seed.values()]
    return GuideState(
        claims=tuple(_state(lab, claim, shipped, own) for claim in CLAIMS),
        shipped_at=max(made, default=None),
        seconds=_seconds(lab, shipped),
        under_way=tuple(each for each in reversed(made_here) if not each.ended),
    )


def price_seconds(guide: GuideState, state: ClaimState) -> float | None:
    """How long the runs that are missing took where they were shipped; None where that is not
    known."""
    arms = [(arm.experiment, arm.scenario) for arm in state.to_run]
    if not arms or any(arm not in guide.seconds for arm in arms):
        return None
    return sum(guide.seconds[arm] for arm in arms)


def _state(lab: Lab, claim: Claim, shipped: ArmRuns, own: ArmRuns) -> ClaimState:
    of_shipped = _finding(lab, claim, shipped)
    of_own = _finding(lab, claim, own)
    counted = isinstance(claim.rule, KeptBytes)
    tested = of_shipped.verdict is not ClaimVerdict.OPEN
    runs = [run for arm in claim.arms for run in own.get(arm, {}).values()]
    return ClaimState(
        claim=claim,
        finding=of_shipped if tested else of_own,
        here=of_own if tested and not counted and of_own.verdict is not ClaimVerdict.OPEN else None,
        comparison=_comparison(claim, (own, shipped)),
        to_run=missing_arms(own, claim.arms),
        waiting=sum(not run.state.is_final for run in runs),
        missing=tuple(
            name for name in claim.checkpoints if not has_weights(resolve_checkpoint(name, NO_FILE))
        ),
    )


def _finding(lab: Lab, claim: Claim, runs: ArmRuns) -> Finding:
    """What the finished runs say; judged once for each set of them, for all visitors."""
    arms = arms_of(claim.rule)
    finished = tuple(
        run.id
        for arm in arms
        for run in runs.get(arm, {}).values()
        if run.state is RunState.FINISHED
    )
    key = (lab.settings.database, claim.id, finished)
    return _findings.get(key) or _findings.keep(
        key, claim_finding(claim, runs, lambda record: summary_of(lab, record), lab.access)
    )


def _comparison(claim: Claim, sources: Sequence[ArmRuns]) -> str | None:
    """The comparison of the claim's first arm, of runs made here before shipped ones."""
    for runs in sources:
        for arm in arms_of(claim.rule)[:1]:
            for run in runs.get(arm, {}).values():
                if run.state is RunState.FINISHED:
                    return run.comparison
    return None


def _seconds(lab: Lab, shipped: ArmRuns) -> dict[tuple[str, str], float]:
    """Seconds that all seeds of each shipped arm took."""
    seconds: dict[tuple[str, str], float] = {}
    for arm, by_seed in shipped.items():
        took = [summary_of(lab, run).elapsed_seconds for run in by_seed.values()]
        seconds[arm.experiment, arm.scenario] = sum(took)
    return seconds


def guide_facts(state: GuideState) -> list[str]:
    """What the verdicts rest on: checkpoint, data, seeds, the date of the shipped runs."""
    standard = EXPERIMENTS["standard"].spec
    date = f"{state.shipped_at.day} {state.shipped_at:%b %Y}" if state.shipped_at else None
    return [
        f"Each tested on {standard.checkpoint}",
        f"data: {standard.data}",
        f"{standard.epochs:g} epochs, {len(standard.seeds)} seeds",
        "95 % interval",
        f"shipped, {date}" if date else "no shipped runs: test a claim to see its verdict",
    ]
