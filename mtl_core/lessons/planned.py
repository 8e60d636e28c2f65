"""What each claim's design can find, computed before its runs.

The variances are those of the runs that earlier versions included: means over pairs of their ten
plans, 5 seeds and 200 validation sentences, and the second stage for changes of a task that is not
trained. Formulas: docs/measures.md.
"""

from dataclasses import dataclass
from math import exp, pi, sqrt

from mtl_core.analysis.claim_rules import (
    OWN_DATA,
    Better,
    Cheaper,
    Collapses,
    Keeps,
    KeepsMore,
    Loses,
    LosesMore,
    NeedsData,
    OneSeed,
    ScoreRule,
    Sooner,
    SpreadsMore,
    UpperChangesMore,
    UpperProbesChangeMore,
    arms_of,
)
from mtl_core.analysis.paired.components import Components
from mtl_core.analysis.paired.intervals import ERROR, PairedDifference, student
from mtl_core.analysis.paired.planning import MOST_SEEDS, POWER, smallest_difference
from mtl_core.lessons.claim import Claim
from mtl_core.lessons.experiments import EXPERIMENTS
from mtl_core.tasks.dataset import SAMPLE, SAMPLE_POSTS

TEST_SENTENCES = {SAMPLE: 800, SAMPLE_POSTS: 300}
_LEVELS = {"sentiment": 0.89, "ner": 0.66}  # of full, for bars that are a share of it


@dataclass(frozen=True, slots=True)
class Variances:
    """The variance of a difference between two plans: of the seeds themselves, and of a sentence
    within a seed (`rest`) and between sentences (`sentences`)."""

    seeds: float
    rest: float
    sentences: float


OF_PLANS = {  # of the difference between two plans, by task
    "sentiment": Variances(1.6e-4, 0.070, 0.041),
    "ner": Variances(1.3e-3, 0.179, 0.077),
}
OF_CHANGES = {  # of the change of a task, or of a difference of such changes
    "sentiment": Variances(2.5e-3, 0.070, 0.041),
    "ner": Variances(0.0326, 0.179, 0.077),
}
_EPOCHS_SPREAD = 1.0  # the assumed standard deviation over seeds of a difference of epochs
_PROBE_SPREAD = 0.04  # the same of a difference of probe scores
_LOG_SPREAD = {"seconds": 0.03, "peak memory": 0.085, "change": 0.2, "spread": sqrt(pi - 2)}


@dataclass(frozen=True, slots=True)
class Planned:
    """A design and its power.

    `smallest` is the effect that it finds in 80 % of repetitions, on the scale of the claim: a
    distance from the bar for differences, an effect itself for ratios and shares. `seeds_for` is
    the number of seeds for the planned effect, None if MOST_SEEDS are not enough, or without one.
    """

    seeds: int
    sentences: int
    smallest: float
    seeds_for: int | None = None


def planned(claim: Claim) -> Planned | None:
    """The design of a claim; None for exact claims."""
    arms = arms_of(claim.rule)
    if not arms:
        return None
    seeds = min(len(EXPERIMENTS[arm.experiment].spec.seeds) for arm in arms)
    match claim.rule:
        case Better() | Keeps() | Loses() | KeepsMore() | LosesMore() | NeedsData():
            return _of_scores(claim, claim.rule, seeds)
        case SpreadsMore():
            return Planned(seeds, 0, exp(_reach(seeds) * _LOG_SPREAD["spread"]))
        case Collapses(often=bar) | OneSeed(at_least=bar):
            return Planned(seeds, 0, _share(seeds, bar))
        case Sooner():
            return Planned(seeds, 0, _reach(seeds) * _EPOCHS_SPREAD)
        case Cheaper(times=times, quantity=quantity):
            return Planned(seeds, 0, times * exp(_reach(seeds) * _LOG_SPREAD[quantity]))
        case UpperProbesChangeMore():
            return Planned(seeds, 0, _reach(seeds) * _PROBE_SPREAD)
        case UpperChangesMore():
            return Planned(seeds, 0, exp(_reach(seeds) * _LOG_SPREAD["change"]))
    return None


def smallest(variances: Variances, seeds: int, sentences: int) -> float:
    """The difference that a design finds in 80 % of repetitions; two seeds or more."""
    rest = variances.rest / sentences
    parts = Components(
        effect=0.0,
        seeds=seeds,
        sentences=sentences,
        between_seeds=variances.seeds + rest,
        rest=rest,
        of_sentences=variances.sentences / sentences,
    )
    design = PairedDifference(0.0, 0.0, 0.0, seeds, sentences, ERROR, parts)
    return smallest_difference(design) or float("inf")


def _of_scores(claim: Claim, rule: ScoreRule, seeds: int) -> Planned:
    task = rule.task or "sentiment"
    forgets = isinstance(rule, Keeps | Loses | KeepsMore)
    variances = (OF_CHANGES if forgets else OF_PLANS)[task]
    if isinstance(rule, LosesMore):  # a difference of two differences
        variances = Variances(*(2 * each for each in _fields(variances)))
    data = getattr(rule, "data", OWN_DATA)
    own = EXPERIMENTS[arms_of(rule)[0].experiment].spec.data
    sentences = TEST_SENTENCES[own if data == OWN_DATA else data]
    distance = _distance(claim, task)
    enough = (
        n
        for n in range(2, MOST_SEEDS + 1)
        if distance and smallest(variances, n, sentences) <= distance
    )
    return Planned(seeds, sentences, smallest(variances, seeds, sentences), next(enough, None))


def _distance(claim: Claim, task: str) -> float | None:
    """The distance of the planned effect from the bar."""
    effect = claim.planned_effect
    if effect is None:
        return None
    rule = claim.rule
    allowed = rule.allowed if isinstance(rule, Better | Keeps) else 0.0
    if isinstance(rule, Better):
        allowed += (1 - rule.keeps) * _LEVELS[task]
    return abs(effect + allowed)


def _fields(variances: Variances) -> tuple[float, float, float]:
    return variances.seeds, variances.rest, variances.sentences


def _reach(seeds: int) -> float:
    """The smallest mean that Student's t finds, in standard deviations."""
    points = student(1 - ERROR / 2, seeds - 1) + student(POWER, seeds - 1)
    return float(points) / sqrt(seeds)


def _share(seeds: int, bar: float) -> float:
    """The smallest share whose exact interval is above the bar with the power."""
    from scipy.special import betaincinv

    needed = next(
        (k for k in range(1, seeds + 1) if betaincinv(k, seeds - k + 1, ERROR / 2) > bar), None
    )
    if needed is None:
        return 1.0
    return float(betaincinv(needed, seeds - needed + 1, POWER))
