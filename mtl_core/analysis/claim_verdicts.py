"""The verdict on a claim: effect, 95 % interval and bar, computed by the rules of `claim_rules`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import exp, log
from statistics import fmean

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
from mtl_core.analysis.intervals import Interval, over_seeds
from mtl_core.analysis.marks import GoldLabels, mark
from mtl_core.analysis.paired.intervals import (
    PairedDifference,
    difference,
    difference_between_data,
)
from mtl_core.analysis.paired.scores import Scores, SeedScore, seed_score
from mtl_core.analysis.summary import RunSummary
from mtl_core.cost.estimate import step_cost
from mtl_core.cost.profile_cache import read_profile, shipped_profile
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.description import ModelDescription
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.text import percent

Evidence = Mapping[Arm, Mapping[int, RunSummary]]
"""The finished runs of each arm by seed."""

_ChosenAnswers = Mapping[int, tuple[RunSummary, int]]
"""By seed: a run and the index of the answers to read: 0 before training, -1 at the end."""


class ClaimVerdict(StrEnum):
    """Whether the runs support a claim."""

    HOLDS = "holds here"
    DOES_NOT_HOLD = "does not hold here"
    WITHIN_NOISE = "within noise"
    OPEN = "not tested here"


class Scale(StrEnum):
    """The scale of an effect: a difference around 0, a ratio around 1, or a share."""

    DIFFERENCE = "difference"
    RATIO = "ratio"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Finding:
    """A measured effect and its verdict. Larger effects support the claim.

    `bar` is the value that the whole interval has to exceed. `low` and `high` are None for an
    exact effect. `sentences` is 0 if the interval covers the variation over seeds only. `detail`
    is an additional remark.
    """

    verdict: ClaimVerdict
    scale: Scale = Scale.DIFFERENCE
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    bar: float = 0.0
    seeds: int = 0
    sentences: int = 0
    detail: str | None = None


def judge(rule: Rule, evidence: Evidence, gold: GoldLabels | None = None) -> Finding:
    """Judges the claim tested by `rule`; the verdict is OPEN while runs are missing.

    `gold` are the labels of the evaluated sentences. With them and with stored answers, an
    interval covers the variation over seeds and sentences (see `paired`). Otherwise it covers
    the variation over seeds only.
    """
    match rule:
        case Better():
            return _better(rule, evidence, gold)
        case Keeps():
            return _keeps(rule, evidence, gold)
        case Carries():
            return _carries(rule, evidence, gold)
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
    """A task's headline metric at the end of a finished run; None if it was not measured."""
    if run.finished is None:
        return None
    if data == VALIDATION:
        score = run.finished.metrics.get(task)
    else:
        evaluations = [each.tasks for each in run.other_data if each.split == data]
        score = evaluations[-1].get(task) if evaluations else None
    return None if score is None else score.headline


def score_before(run: RunSummary, task: str) -> float | None:
    """A task's headline metric before the run's first step."""
    if all(each.task.name != task for each in run.tasks):
        return None
    before = run.score_before(task)
    return None if before is None else before.headline


def _better(rule: Better, evidence: Evidence, gold: GoldLabels | None) -> Finding:
    arms = (rule.arm, rule.against)
    pairs = _by_seed(evidence, arms, lambda run: score_after(run, rule.task, rule.data))
    bar = _allowed(rule.keeps, fmean(against for _, against in pairs) if pairs else 0.0)
    if gold:
        arm, against = ({s: (run, -1) for s, run in evidence.get(a, {}).items()} for a in arms)
        paired = _paired_difference(arm, against, rule.task, gold, rule.data)
        if paired is not None:
            return _over_pairs(paired, bar)
    return _over_differences([arm - against for arm, against in pairs], bar)


def _keeps(rule: Keeps, evidence: Evidence, gold: GoldLabels | None) -> Finding:
    before = _by_seed(evidence, (rule.arm,), lambda run: score_before(run, rule.task))
    after = _by_seed(evidence, (rule.arm,), lambda run: score_after(run, rule.task))
    if len(before) != len(after) or not before:
        return Finding(ClaimVerdict.OPEN)
    initial = fmean(score for (score,) in before)
    if initial == 0:
        return Finding(ClaimVerdict.OPEN, detail="the score before training was 0")
    bar = _allowed(rule.keeps, initial)
    if gold:
        first, last = (
            {s: (run, index) for s, run in evidence.get(rule.arm, {}).items()} for index in (0, -1)
        )
        if (paired := _paired_difference(last, first, rule.task, gold)) is not None:
            return _over_pairs(paired, bar)
    return _over_differences([a[0] - b[0] for b, a in zip(before, after, strict=True)], bar)


def _carries(rule: Carries, evidence: Evidence, gold: GoldLabels | None) -> Finding:
    own = _by_seed(evidence, (rule.arm,), lambda run: score_after(run, rule.task))
    other = _by_seed(evidence, (rule.arm,), lambda run: score_after(run, rule.task, rule.data))
    if len(own) != len(other):
        return Finding(ClaimVerdict.OPEN)
    if gold:
        ends = {seed: (run, -1) for seed, run in evidence.get(rule.arm, {}).items()}
        here, there = (_scores(ends, rule.task, gold, data) for data in (VALIDATION, rule.data))
        if len(here) == len(there) == len(own) > 1:
            between = difference_between_data(here, there)
            if between is not None:
                return _over_pairs(between, 0.0)
    return _over_differences([a[0] - b[0] for a, b in zip(own, other, strict=True)], 0.0)


def _cheaper(rule: Cheaper, evidence: Evidence) -> Finding:
    arms = (rule.arm, rule.against)
    pairs = _by_seed(evidence, arms, lambda run: _quantity(run, rule.quantity))
    arm_pass, against_pass = (_frozen_pass(evidence.get(arm, {}), rule.quantity) for arm in arms)
    return _over_ratios(
        [(against + against_pass) / (arm + arm_pass) for arm, against in pairs], rule.times
    )


def _loses_more(rule: LosesMore, evidence: Evidence) -> Finding:
    arms = (rule.arm, rule.arm_changed, rule.other, rule.other_changed)
    scores = _by_seed(evidence, arms, lambda run: score_after(run, rule.task))
    return _over_differences(
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
        detail=f"{len(rule.groups)} frozen groups did not change" if furthest == 0 else None,
    )


def _lower_moves_less(rule: LowerMovesLess, evidence: Evidence) -> Finding:
    halves = _by_seed(evidence, (rule.arm,), _upper_over_lower)
    return _over_ratios([ratio for (ratio,) in halves], 1.0)


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
    ratio = _kept_bytes_ratio(rule)
    holds = ratio >= rule.times
    return Finding(
        ClaimVerdict.HOLDS if holds else ClaimVerdict.DOES_NOT_HOLD,
        Scale.RATIO,
        effect=ratio,
        bar=rule.times,
        detail=f"{rule.scenario} holds {percent(1 / ratio)} of the bytes of {rule.against}",
    )


def _by_seed(
    evidence: Evidence, arms: Sequence[Arm], value: Callable[[RunSummary], float | None]
) -> list[tuple[float, ...]]:
    """One row of values per seed, sorted; seeds without a value for some arm are left out."""
    runs = [evidence.get(arm, {}) for arm in arms]
    shared: Iterable[int] = sorted(set.intersection(*(set(each) for each in runs)))
    rows = ([value(each[seed]) for each in runs] for seed in shared)
    return [tuple(each for each in row if each is not None) for row in rows if None not in row]


def _allowed(keeps: float, score: float) -> float:
    """The bar for keeping the share `keeps` of `score`."""
    return -(1 - keeps) * score if keeps < 1 else 0.0


def _quantity(run: RunSummary, quantity: Quantity) -> float | None:
    if run.finished is None:
        return None
    if quantity is Quantity.PEAK_MEMORY:
        return float(run.finished.peak_memory_bytes)
    return None if run.spec.trained_together else run.finished.training_seconds


def _frozen_pass(runs: Mapping[int, RunSummary], quantity: Quantity) -> float:
    """Seconds of the pass over frozen layers; 0 for other quantities.

    Only the first seed computes it and the others reuse it. The longest pass is therefore added to
    every seed, as if each had computed it.
    """
    if quantity is not Quantity.SECONDS:
        return 0.0
    passes = (run.finished.prefix_seconds for run in runs.values() if run.finished is not None)
    return max(passes, default=0.0)


def _kept_bytes_ratio(rule: KeptBytes) -> float:
    """Bytes held in addition to the weights under `against`, divided by those under `scenario`.

    Reads the shapes and the cost profile that ship for a catalogue checkpoint, no weights.
    """
    model = ModelDescription(read_description(shipped_description(rule.checkpoint)), DEFAULT_TASKS)
    return _kept(rule, rule.against, model) / _kept(rule, rule.scenario, model)


def _kept(rule: KeptBytes, scenario: str, model: ModelDescription) -> int:
    """The bytes of the phase that holds most."""
    profile = read_profile(shipped_profile(rule.checkpoint))
    costs = [
        step_cost(profile, model, table, rule.batch_size, rule.max_length)
        for table in parameter_tables(scenario_plan(scenario, model), model)
    ]
    return max(cost.memory_bytes - cost.weight_bytes for cost in costs)


def _over_differences(effects: Sequence[float], bar: float) -> Finding:
    """Judges one difference per seed by Student's t."""
    return _judged(over_seeds(effects), effects, bar, Scale.DIFFERENCE)


def _over_ratios(ratios: Sequence[float], bar: float) -> Finding:
    """Judges the geometric mean of one ratio per seed by Student's t on the logarithms."""
    found = over_seeds([log(each) for each in ratios])
    geometric = Interval(exp(found.mean), exp(found.low), exp(found.high)) if found else None
    return _judged(geometric, ratios, bar, Scale.RATIO)


def _over_pairs(paired: PairedDifference, bar: float) -> Finding:
    """Judges a difference paired by seed and sentence."""
    found = Interval(paired.effect, paired.low, paired.high)
    finding = _judged(found, [paired.effect] * paired.seeds, bar, Scale.DIFFERENCE)
    return replace(finding, sentences=paired.sentences)


def _judged(found: Interval | None, effects: Sequence[float], bar: float, scale: Scale) -> Finding:
    if found is None:
        only = effects[0] if effects else None
        return Finding(ClaimVerdict.OPEN, scale, only, bar=bar, seeds=len(effects))
    if found.low > bar:
        verdict = ClaimVerdict.HOLDS
    elif found.high < bar:
        verdict = ClaimVerdict.DOES_NOT_HOLD
    else:
        verdict = ClaimVerdict.WITHIN_NOISE
    return Finding(verdict, scale, found.mean, found.low, found.high, bar, len(effects))


def _paired_difference(
    one: _ChosenAnswers,
    other: _ChosenAnswers,
    task: str,
    gold: GoldLabels,
    data: str = VALIDATION,
) -> PairedDifference | None:
    """The score of `one` minus that of `other` on a task, paired by seed and sentence.

    None if they share fewer than two seeds, or if a run has no stored answers on `data`.
    """
    shared = sorted(set(one) & set(other))
    if len(shared) < 2:
        return None
    ours, theirs = (
        _scores({seed: chosen[seed] for seed in shared}, task, gold, data)
        for chosen in (one, other)
    )
    if len(ours) < len(shared) or len(theirs) < len(shared):
        return None
    return difference(ours, theirs)


def _scores(chosen: _ChosenAnswers, task: str, gold: GoldLabels, data: str) -> Scores:
    scores = {}
    for seed, (run, index) in chosen.items():
        score = _score(run, index, task, gold, data)
        if score is not None:
            scores[seed] = score
    return scores


def _score(run: RunSummary, index: int, task: str, gold: GoldLabels, data: str) -> SeedScore | None:
    answers = run.judged_answers(task, None if data == VALIDATION else data)
    known = next((each.task for each in run.tasks if each.task.name == task), None)
    if len(answers) < 2 or known is None:
        return None
    marks = mark(answers[index], known, gold)
    return None if marks is None else seed_score(marks)
