"""Judges claims: computes the effect of each rule from finished runs, and its verdict."""

from dataclasses import replace
from statistics import fmean

from mtl_core.analysis.claim_costs import cheaper, kept_bytes
from mtl_core.analysis.claim_counts import collapses, one_seed
from mtl_core.analysis.claim_crossing import needs_data
from mtl_core.analysis.claim_equal_gain import keeps_more
from mtl_core.analysis.claim_facts import no_steps, still, unchanged
from mtl_core.analysis.claim_intervals import Estimate, of_mean, of_pairs, of_ratios, of_spread
from mtl_core.analysis.claim_rules import (
    OWN_DATA,
    Arm,
    Better,
    Cheaper,
    Collapses,
    Keeps,
    KeepsMore,
    KeptBytes,
    Loses,
    LosesMore,
    NeedsData,
    NoSteps,
    OneSeed,
    Rule,
    ScoreRule,
    Sooner,
    SpreadsMore,
    Still,
    Unchanged,
    UpperChangesMore,
    UpperProbesChangeMore,
)
from mtl_core.analysis.claim_scores import (
    Evidence,
    Gold,
    Runs,
    epochs_until,
    scaled,
    scores_after,
    scores_before,
    summed,
    values_by_seed,
)
from mtl_core.analysis.claim_verdicts import (
    ClaimVerdict,
    Finding,
    Scale,
    judged,
    undecided_if_kept,
    without_effect,
)
from mtl_core.analysis.outcomes import OutcomeRule
from mtl_core.analysis.paired.intervals import difference
from mtl_core.analysis.paired.scores import Scores
from mtl_core.analysis.summary import RunSummary
from mtl_core.tasks.task import Task
from mtl_core.text import percent


def judge(rule: Rule, evidence: Evidence, gold: Gold | None = None) -> Finding:
    """Judges the claim tested by `rule`; the verdict is OPEN without enough runs for an interval.

    `gold` are the labels of the evaluated sentences. With them and with stored answers, an
    interval covers the variation over seeds and sentences (see `paired`). Otherwise it covers
    the variation over seeds only.
    """
    match rule:
        case Still():
            return still(rule, evidence)
        case NoSteps():
            return no_steps(rule, evidence)
        case Unchanged():
            return unchanged(rule, evidence)
        case KeptBytes():
            return kept_bytes(rule)
        case Cheaper():
            return cheaper(rule, evidence)
        case SpreadsMore():
            return _spreads_more(rule, evidence)
        case Collapses():
            return collapses(rule, evidence)
        case OneSeed():
            return one_seed(rule, evidence)
        case Sooner():
            return _sooner(rule, evidence)
        case UpperChangesMore():
            return _upper_changes_more(rule, evidence)
        case UpperProbesChangeMore():
            return _upper_probes(rule, evidence)
        case _:
            return _of_scores(rule, evidence, gold or {})


def _of_scores(
    rule: ScoreRule,
    evidence: Evidence,
    gold: Gold,
) -> Finding:
    match rule:
        case Better():
            return _better(rule, evidence, gold)
        case KeepsMore():
            return keeps_more(rule, evidence, gold)
        case LosesMore():
            return _loses_more(rule, evidence, gold)
        case NeedsData():
            return needs_data(rule, evidence, gold)
        case Keeps() | Loses():
            return _kept(rule, evidence, gold)


def _better(rule: Better, evidence: Evidence, gold: Gold) -> Finding:
    runs = [evidence.get(arm, {}) for arm in (rule.arm, rule.against)]
    task = _task(rule.task, runs[0])
    if task is None:
        return Finding(ClaimVerdict.OPEN)
    arm, against = (scores_after(each, task.name, rule.data, gold) for each in runs)
    required = against if rule.keeps == 1 else scaled(against, rule.keeps)
    margin = OutcomeRule(rule.margin).margin_of(task)
    found = judged(_estimate(arm, required), 0.0 - rule.allowed, margin)
    if rule.if_lost:
        before = scores_before(runs[1], task.name, rule.data, gold)
        lost = [before[seed].value - against[seed].value for seed in set(before) & set(against)]
        return undecided_if_kept(found, fmean(lost) if lost else 0.0)
    if rule.keeps < 1 and arm and against:
        one, other = (fmean(score.value for score in each.values()) for each in (arm, against))
        return replace(found, detail=f"{one:.3f} against {percent(rule.keeps)} of {other:.3f}")
    return found


def _kept(rule: Keeps | Loses, evidence: Evidence, gold: Gold) -> Finding:
    runs = evidence.get(rule.arm, {})
    before = scores_before(runs, rule.task, rule.data, gold)
    after = scores_after(runs, rule.task, rule.data, gold)
    if len(before) > 1 and not any(score.value for score in before.values()):
        bar = -rule.allowed if isinstance(rule, Keeps) else 0.0
        return without_effect("the score before training was 0", bar=bar)
    if isinstance(rule, Keeps):
        return judged(_estimate(after, before), 0.0 - rule.allowed)
    return judged(_estimate(before, after), 0.0, rule.margin)


def _loses_more(rule: LosesMore, evidence: Evidence, gold: Gold) -> Finding:
    arm, changed, other, other_changed = (
        scores_after(evidence.get(each, {}), rule.task, OWN_DATA, gold)
        for each in (rule.arm, rule.arm_changed, rule.other, rule.other_changed)
    )
    found = _estimate(summed(other_changed, arm), summed(other, changed))
    return judged(found, 0.0, rule.margin)


def _spreads_more(rule: SpreadsMore, evidence: Evidence) -> Finding:
    pairs = _values(rule.arm, rule.against, evidence, rule.task)
    ones, others = [one for one, _ in pairs], [other for _, other in pairs]
    found = of_spread(ones, others)
    if found is None and len(pairs) > 2:
        same = "the scores of an arm hardly differ between seeds"
        return without_effect(same, Scale.RATIO, bar=1.0, seeds=len(pairs))
    return judged(found, 1.0, scale=Scale.RATIO)


def _sooner(rule: Sooner, evidence: Evidence) -> Finding:
    arm, against = (
        values_by_seed(
            evidence.get(each, {}), lambda run: epochs_until(run, rule.task, rule.of_end)
        )
        for each in (rule.arm, rule.against)
    )
    shared = sorted(set(arm) & set(against))
    saved = of_mean([against[seed] - arm[seed] for seed in shared])
    found = judged(saved, 0.0, scale=Scale.EPOCHS)
    if not shared:
        return found
    means = [fmean(each[seed] for seed in shared) for each in (arm, against)]
    return replace(found, detail=f"{means[0]:.2g} epochs instead of {means[1]:.2g}")


def _upper_changes_more(rule: UpperChangesMore, evidence: Evidence) -> Finding:
    ratios = values_by_seed(evidence.get(rule.arm, {}), _upper_over_lower)
    found = judged(of_ratios(list(ratios.values())), 1.0, scale=Scale.RATIO)
    return replace(found, p_value=None)  # descriptive: a layer inherits the changes below it


def _upper_over_lower(run: RunSummary) -> float | None:
    """The mean of 1 - CKA over the upper half of the layers, divided by that over the lower."""
    if run.measured is None:
        return None
    changed = {
        int(name.removeprefix("layer ")): 1 - movement.cka
        for name, movement in run.measured.groups.items()
        if name.startswith("layer ") and movement.cka is not None
    }
    half = len(changed) // 2
    if not half:
        return None
    in_order = [changed[layer] for layer in sorted(changed)]
    lower, upper = fmean(in_order[:half]), fmean(in_order[-half:])
    return upper / lower if lower > 0 and upper > 0 else None


def _upper_probes(rule: UpperProbesChangeMore, evidence: Evidence) -> Finding:
    sign = -1 if rule.loses else 1
    found = values_by_seed(
        evidence.get(rule.arm, {}), lambda run: _upper_less_lower(run, rule.task)
    )
    judgement = judged(of_mean([sign * each for each in found.values()]), 0.0, rule.margin)
    return replace(judgement, p_value=None)  # descriptive


def _upper_less_lower(run: RunSummary, task: str) -> float | None:
    """The mean change of the probes of the upper half of the layers, minus that of the lower."""
    layers = run.measured.layer_probes.get(task, ()) if run.measured else ()
    half = len(layers) // 2
    if not half:
        return None
    changes = [after - before for before, after in layers]
    return fmean(changes[-half:]) - fmean(changes[:half])


def _estimate(ones: Scores, others: Scores) -> Estimate | None:
    """The mean difference on the shared seeds; None for fewer than two."""
    shared = sorted(set(ones) & set(others))
    if len(shared) < 2:
        return None
    found = difference(ones, others)
    if found is not None:
        return of_pairs(found)
    return of_mean([ones[seed].value - others[seed].value for seed in shared])


def _values(arm: Arm, against: Arm, evidence: Evidence, task: str) -> list[tuple[float, float]]:
    """The final scores of two arms, one pair per shared seed."""
    one, other = (
        values_by_seed(evidence.get(each, {}), lambda run: run.value(task))
        for each in (arm, against)
    )
    return [(one[seed], other[seed]) for seed in sorted(set(one) & set(other))]


def _task(name: str | None, runs: Runs) -> Task | None:
    """The task of the runs with this name, or their first task for None; None without runs."""
    tasks = next((run.tasks for run in runs.values() if run.tasks), ())
    named = (each.task for each in tasks if name in (None, each.task.name))
    return next(named, None)
