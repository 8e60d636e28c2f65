"""What runs say of a claim: effect, 95 % interval and verdict, by the rules of `claim_rules`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean

from mtl_core.analysis.claim_finding import (
    ClaimVerdict,
    Finding,
    Scale,
    over_differences,
    over_pairs,
    over_ratios,
)
from mtl_core.analysis.claim_pairs import paired_difference
from mtl_core.analysis.claim_rules import (
    VALIDATION,
    Arm,
    Better,
    Carries,
    Cheaper,
    Keeps,
    KeptBytes,
    LosesMore,
    LowerMovesLess,
    OneSeed,
    Quantity,
    Rule,
    Still,
)
from mtl_core.analysis.kept_share import kept_bytes_ratio
from mtl_core.analysis.marks import GoldLabels
from mtl_core.analysis.summary import RunSummary
from mtl_core.analysis.words import in_percent

Evidence = Mapping[Arm, Mapping[int, RunSummary]]
"""The finished runs of each arm by seed."""


def judge(rule: Rule, evidence: Evidence, gold: GoldLabels | None = None) -> Finding:
    """What `evidence` says of the claim that `rule` tests; OPEN while runs are missing.

    `gold` are the right labels of the runs' validation sentences: with them, and where the runs
    told their answers, intervals speak of other seeds and other sentences (`paired`), else of
    other seeds alone.
    """
    match rule:
        case Better():
            return _better(rule, evidence, gold)
        case Keeps():
            return _keeps(rule, evidence, gold)
        case Carries():
            return _carries(rule, evidence)
        case Cheaper():
            return _cheaper(rule, evidence)
        case LosesMore():
            return _loses_more(rule, evidence)
        case Still():
            return _still(rule, evidence)
        case LowerMovesLess():
            return _lower_moves_less(rule, evidence)
        case OneSeed():
            return _one_seed(rule, evidence)
        case KeptBytes():
            return _kept_bytes(rule)


def score_after(run: RunSummary, task: str, data: str = VALIDATION) -> float | None:
    """A task's headline metric at the end of a finished run, on its own or on other data."""
    if run.finished is None:
        return None
    if data == VALIDATION:
        score = run.finished.metrics.get(task)
    else:
        told = [each.tasks for each in run.elsewhere if each.split == data]
        score = told[-1].get(task) if told else None
    return None if score is None else score.headline


def score_before(run: RunSummary, task: str) -> float | None:
    """A task's headline metric before the run's first step."""
    return next((each.first for each in run.tasks if each.task.name == task), None)


def _better(rule: Better, evidence: Evidence, gold: GoldLabels | None) -> Finding:
    arms = (rule.arm, rule.against)
    pairs = _by_seed(evidence, arms, lambda run: score_after(run, rule.task, rule.data))
    bar = _allowed(rule.keeps, fmean(against for _, against in pairs) if pairs else 0.0)
    if gold and rule.data == VALIDATION:
        arm, against = ({s: (run, -1) for s, run in evidence.get(a, {}).items()} for a in arms)
        if (paired := paired_difference(arm, against, rule.task, gold)) is not None:
            return over_pairs(paired, bar)
    return over_differences([arm - against for arm, against in pairs], bar)


def _keeps(rule: Keeps, evidence: Evidence, gold: GoldLabels | None) -> Finding:
    before = _by_seed(evidence, (rule.arm,), lambda run: score_before(run, rule.task))
    after = _by_seed(evidence, (rule.arm,), lambda run: score_after(run, rule.task))
    if len(before) != len(after) or not before:
        return Finding(ClaimVerdict.OPEN)
    at_first = fmean(score for (score,) in before)
    if at_first == 0:
        return Finding(ClaimVerdict.OPEN, detail="the runs began with a score of 0")
    bar = _allowed(rule.keeps, at_first)
    if gold:
        first, last = (
            {s: (run, place) for s, run in evidence.get(rule.arm, {}).items()} for place in (0, -1)
        )
        if (paired := paired_difference(last, first, rule.task, gold)) is not None:
            return over_pairs(paired, bar)
    return over_differences([a[0] - b[0] for b, a in zip(before, after, strict=True)], bar)


def _carries(rule: Carries, evidence: Evidence) -> Finding:
    own = _by_seed(evidence, (rule.arm,), lambda run: score_after(run, rule.task))
    other = _by_seed(evidence, (rule.arm,), lambda run: score_after(run, rule.task, rule.data))
    if len(own) != len(other):
        return Finding(ClaimVerdict.OPEN)
    return over_differences([a[0] - b[0] for a, b in zip(own, other, strict=True)], 0.0)


def _cheaper(rule: Cheaper, evidence: Evidence) -> Finding:
    arms = (rule.arm, rule.against)
    pairs = _by_seed(evidence, arms, lambda run: _quantity(run, rule.quantity))
    arm_pass, against_pass = (_frozen_pass(evidence.get(arm, {}), rule.quantity) for arm in arms)
    return over_ratios(
        [(against + against_pass) / (arm + arm_pass) for arm, against in pairs], rule.times
    )


def _loses_more(rule: LosesMore, evidence: Evidence) -> Finding:
    arms = (rule.arm, rule.arm_changed, rule.other, rule.other_changed)
    scores = _by_seed(evidence, arms, lambda run: score_after(run, rule.task))
    return over_differences(
        [
            (other_changed - other) - (changed - arm)
            for arm, changed, other, other_changed in scores
        ],
        0.0,
    )


def _still(rule: Still, evidence: Evidence) -> Finding:
    moved = [
        run.measured.groups[group].moved
        for run in evidence.get(rule.arm, {}).values()
        if run.measured is not None
        for group in rule.groups
        if group in run.measured.groups
    ]
    seeds = sum(run.measured is not None for run in evidence.get(rule.arm, {}).values())
    if not moved or len(moved) < seeds * len(rule.groups):
        return Finding(ClaimVerdict.OPEN)
    furthest = max(moved)
    return Finding(
        ClaimVerdict.HOLDS if furthest == 0 else ClaimVerdict.DOES_NOT_HOLD,
        effect=-furthest if furthest else 0.0,
        seeds=seeds,
        detail=f"{len(rule.groups)} frozen groups moved by exactly 0" if furthest == 0 else None,
    )


def _lower_moves_less(rule: LowerMovesLess, evidence: Evidence) -> Finding:
    halves = _by_seed(evidence, (rule.arm,), _upper_over_lower)
    return over_ratios([ratio for (ratio,) in halves], 1.0)


def _upper_over_lower(run: RunSummary) -> float | None:
    if run.measured is None:
        return None
    moved = {
        int(name.removeprefix("layer ")): movement.moved
        for name, movement in run.measured.groups.items()
        if name.startswith("layer ")
    }
    half = len(moved) // 2
    lower = [moved[layer] for layer in sorted(moved)[:half]]
    upper = [moved[layer] for layer in sorted(moved)[-half:]] if half else []
    return fmean(upper) / fmean(lower) if lower and fmean(lower) > 0 else None


def _one_seed(rule: OneSeed, evidence: Evidence) -> Finding:
    rows = _by_seed(evidence, rule.arms, lambda run: score_after(run, rule.task))
    if len(rows) < 2:
        return Finding(ClaimVerdict.OPEN, seeds=len(rows))
    means = [fmean(column) for column in zip(*rows, strict=True)]
    best = means.index(max(means))
    agreeing = sum(row[best] == max(row) for row in rows)
    picks = [rule.arms[row.index(max(row))].scenario for row in rows]
    return Finding(
        ClaimVerdict.HOLDS if agreeing == len(rows) else ClaimVerdict.DOES_NOT_HOLD,
        Scale.SHARE,
        effect=agreeing / len(rows),
        bar=1.0,
        seeds=len(rows),
        detail=f"best by seed: {', '.join(picks)}; on average: {rule.arms[best].scenario}",
    )


def _kept_bytes(rule: KeptBytes) -> Finding:
    ratio = kept_bytes_ratio(rule)
    holds = ratio >= rule.times
    return Finding(
        ClaimVerdict.HOLDS if holds else ClaimVerdict.DOES_NOT_HOLD,
        Scale.RATIO,
        effect=ratio,
        bar=rule.times,
        detail=f"it keeps {in_percent(1 / ratio)} of what {rule.against} keeps",
    )


def _by_seed(
    evidence: Evidence, arms: Sequence[Arm], value: Callable[[RunSummary], float | None]
) -> list[tuple[float, ...]]:
    """One row for each seed that every arm has a value of, in the order of the seeds."""
    runs = [evidence.get(arm, {}) for arm in arms]
    shared: Iterable[int] = sorted(set.intersection(*(set(each) for each in runs)))
    rows = ([value(each[seed]) for each in runs] for seed in shared)
    return [tuple(each for each in row if each is not None) for row in rows if None not in row]


def _allowed(keeps: float, score: float) -> float:
    """The bar: how far below `score` still keeps the share asked for."""
    return -(1 - keeps) * score if keeps < 1 else 0.0


def _quantity(run: RunSummary, quantity: Quantity) -> float | None:
    if run.finished is None:
        return None
    if quantity is Quantity.PEAK_MEMORY:
        return float(run.finished.peak_memory_bytes)
    return run.finished.training_seconds


def _frozen_pass(runs: Mapping[int, RunSummary], quantity: Quantity) -> float:
    """Seconds of the pass over frozen layers. The first seed makes it and the others read it, so
    that each is given the longest: what it would take by itself."""
    if quantity is not Quantity.SECONDS:
        return 0.0
    passes = (run.finished.prefix_seconds for run in runs.values() if run.finished is not None)
    return max(passes, default=0.0)
