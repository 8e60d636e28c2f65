"""Claims about single seeds: how many collapse, and how many choose a good plan."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from mtl_core.analysis.claim_intervals import of_share
from mtl_core.analysis.claim_rules import Collapses, OneSeed
from mtl_core.analysis.claim_scores import Evidence, values_by_seed
from mtl_core.analysis.claim_verdicts import ClaimVerdict, Finding, Scale, judged
from mtl_core.analysis.paired.intervals import ERROR
from mtl_core.analysis.summary import RunSummary


def collapses(rule: Collapses, evidence: Evidence) -> Finding:
    """Judges how many seeds of an arm end at the level of chance.

    The claim holds if the interval of this share is above the bar, and if of the seeds in which
    only one arm collapsed, significantly more are of `arm` (McNemar's exact test). A run that
    diverged has collapsed, whatever its score was before.
    """
    ones, others = (
        values_by_seed(evidence.get(arm, {}), lambda run: _end(run, rule))
        for arm in (rule.arm, rule.against)
    )
    shared = sorted(set(ones) & set(others))
    if len(shared) < 2:
        return Finding(ClaimVerdict.OPEN, Scale.SHARE, bar=rule.often, seeds=len(shared))
    fallen = [(ones[seed] <= rule.level, others[seed] <= rule.level) for seed in shared]
    of_arm = sum(one for one, _ in fallen)
    found = judged(of_share(of_arm, len(shared)), rule.often, scale=Scale.SHARE)
    only = [one for one, other in fallen if one != other]
    detail = (
        f"{of_arm} of {len(shared)} seeds collapsed, {sum(b for _, b in fallen)} in the control"
    )
    if found.verdict is not ClaimVerdict.HOLDS:
        return replace(found, detail=detail)
    more = of_share(sum(only), len(only)).p_above(0.5) if only else 1.0
    verdict = ClaimVerdict.HOLDS if more < ERROR else ClaimVerdict.UNDECIDED
    return replace(found, verdict=verdict, p_value=max(found.p_value or 0.0, more), detail=detail)


def _end(run: RunSummary, rule: Collapses) -> float | None:
    return rule.level if run.diverged else run.value(rule.task)


def one_seed(rule: OneSeed, evidence: Evidence) -> Finding:
    """Judges how often the plan that is best for one seed is good enough for all others.

    The seeds share the sentences that choose and that judge, so that the exact interval of
    independent seeds is approximate and has no p-value here.
    """
    runs = [evidence.get(arm, {}) for arm in rule.arms]
    chosen_by = [values_by_seed(each, lambda run: _validation(run, rule.task)) for each in runs]
    judged_by = [values_by_seed(each, lambda run: run.value(rule.task)) for each in runs]
    seeds = sorted(set.intersection(*(set(each) for each in (*chosen_by, *judged_by))))
    if len(seeds) < 3:
        return Finding(ClaimVerdict.OPEN, Scale.SHARE, bar=rule.at_least, seeds=len(seeds))
    picks = {seed: _best([each[seed] for each in chosen_by]) for seed in seeds}
    right, same, good = 0, 0, []
    for seed in seeds:
        means = _means_without(seed, judged_by, seeds)
        within = [each >= max(means) - rule.margin for each in means]
        right += all(within[pick] for pick in picks[seed])
        same += picks[seed] == _best(means)[:1]
        good.append(fmean(within))
    chance = fmean(good)
    bar = max(rule.at_least, chance)
    found = judged(of_share(right, len(seeds)), bar, scale=Scale.SHARE)
    names = ", ".join(" = ".join(rule.arms[n].scenario for n in picks[seed]) for seed in seeds)
    count = len(seeds)
    detail = (
        f"a plan drawn at random is right with a probability of {chance:.2f}; best alone for its "
        f"seed and on average: {same} of {count}; best by seed: {names}"
    )
    return replace(found, detail=detail, p_value=None)


def _best(scores: Sequence[float]) -> tuple[int, ...]:
    """The places of the highest score: several if scores are equal."""
    return tuple(place for place, score in enumerate(scores) if score == max(scores))


def _means_without(
    seed: int, by_plan: Sequence[Mapping[int, float]], seeds: list[int]
) -> list[float]:
    return [fmean(each[other] for other in seeds if other != seed) for each in by_plan]


def _validation(run: RunSummary, task: str) -> float | None:
    if run.finished is None:
        return None
    score = (run.finished.validation or run.finished.metrics).get(task)
    return None if score is None else score.headline
