"""Baselines for comparison with plans, and the data on which they must be computed."""

from collections.abc import Mapping, Sequence

import numpy as np

from mtl_core.analysis.baselines import baselines_of_runs
from mtl_core.analysis.judge import against_baselines
from mtl_core.analysis.marks import Marks
from mtl_core.analysis.paired.scores import SeedScore, seed_score
from mtl_core.analysis.plans import PlanComparison, Verdict, headlines
from mtl_core.charts.pareto_labels import BaselineLine
from mtl_core.freezing.titles import task_title
from mtl_core.report.against import against_words
from mtl_core.report.compared import ComparedRuns, lowest_seed_run
from mtl_core.tasks.baselines import Baseline
from mtl_core.text import counted, listed, verb
from mtl_core.training.comparison import TrainSize
from mtl_core.training.spec import RunSpec

BaselinesByTask = Mapping[str, Sequence[BaselineLine]]
"""By task, the scores that need no fine-tuning."""

_MAJORITY = "majority class"
_PHRASES = {_MAJORITY: "the majority class", "bag of words": "a bag of words"}
"""By the label of `tasks.baselines`, how a sentence names a baseline that needs no encoder."""

BaselinesBySize = Mapping[TrainSize, Sequence[Baseline]]
"""By number of training sentences of each task, the scores that need no model."""


def baselines_by_task(shown: ComparedRuns, of_data: Sequence[Baseline]) -> BaselinesByTask:
    """Joins the baselines of the data (see `shared_limits`) and those that the runs contain.

    The plans are compared with those of the data.
    """
    of_runs = baselines_of_runs(shown.plans)
    found = {}
    for task in shown.plans.tasks:
        own = {each.label: _score(each, task.name) for each in of_data if task.name in each.values}
        against = against_baselines(shown.plans, task, own, shown.rule)
        found[task.name] = [
            BaselineLine(each.label, each.values[task.name], against.get(each.label, {}))
            for each in (*of_data, *of_runs)
            if task.name in each.values
        ]
    return found


def unbeaten_words(
    comparison: PlanComparison, task: str, baselines: Sequence[BaselineLine]
) -> str | None:
    """States what was shown if no plan is above the highest baseline without an encoder.

    None if a plan is above it, or without such a baseline. Otherwise by the first that applies:

    1. Plans are not tested: "no plan is above a bag of words, 0.74 (not tested)" if the means say
       so, else None.
    2. Plans are undecided: "undecided whether full, 0.83, beats a bag of words, 0.74 (2 seeds)",
       with the highest plan.
    3. All are below or equivalent: "no plan beats a bag of words, 0.74".
    """
    plans, highest = comparison.scored(task), _highest(baselines)
    if not plans or highest is None:
        return None
    name = f"{_PHRASES[highest.label]}, {highest.value:.2f}"
    found = [highest.against.get(plan.label) for plan in plans]
    verdicts = {Verdict.OPEN if each is None else each.verdict for each in found}
    if Verdict.ABOVE in verdicts:
        return None
    if Verdict.OPEN in verdicts:
        exceeds = (plans[0].tasks[task].mean or 0.0) > highest.value
        return None if exceeds else f"no plan is above {name} (not tested)"
    if Verdict.UNDECIDED in verdicts:
        best = plans[0]
        seeds = counted(best.tasks[task].seeds, "seed")
        plan = f"{best.label}, {best.tasks[task].mean or 0.0:.2f},"
        return f"undecided whether {plan} {verb(best.label, 'beats', 'beat')} {name} ({seeds})"
    return f"no plan beats {name}"


def baseline_lines(comparison: PlanComparison, baselines: BaselinesByTask) -> tuple[str, ...]:
    """Compares all plans with the highest baseline of each task, if any plan is tested.

    "Sentiment, against a bag of words, 0.740: full above, +0.146 (+0.101 to +0.191); …"
    """
    lines = []
    for task in comparison.tasks:
        highest = _highest(baselines.get(task.name, ()))
        if highest is None or all(each.interval is None for each in highest.against.values()):
            continue
        plans = [f"{label} {against_words(found)}" for label, found in highest.against.items()]
        name = f"{_PHRASES[highest.label]}, {highest.value:.3f}"
        lines.append(f"{task_title(task.name)}, against {name}: {'; '.join(plans)}.")
    return tuple(lines)


def _highest(baselines: Sequence[BaselineLine]) -> BaselineLine | None:
    """The highest baseline without an encoder."""
    known = [each for each in baselines if each.label in _PHRASES]
    return max(known, key=lambda each: each.value, default=None)


def _score(baseline: Baseline, task: str) -> SeedScore:
    """The baseline's score, with a value for each sentence if its counts are known."""
    value, counts = baseline.values[task], baseline.counts.get(task)
    if counts is None:
        return SeedScore(value)
    rows = np.array(counts, dtype=np.int64).reshape(-1, 3)
    return seed_score(Marks(baseline.places[task], rows))


def collapse_lines(comparison: PlanComparison, baselines: BaselinesByTask) -> tuple[str, ...]:
    """Names the seeds of each plan that are no better than the majority class, if others are."""
    chance = {
        task: each.value
        for task, lines in baselines.items()
        for each in lines
        if each.label == _MAJORITY
    }
    found = []
    for task in comparison.tasks:
        for plan in comparison.scored(task.name) if task.name in chance else ():
            scores = headlines(plan, task.name)
            failed = [seed for seed, score in scores.items() if score <= chance[task.name]]
            if 0 < len(failed) < len(scores):
                seeds = f"seed{'s' * (len(failed) > 1)} {listed([str(seed) for seed in failed])}"
                found.append(
                    f"{task_title(task.name)}, {plan.label}: {len(failed)} of {len(scores)} seeds "
                    f"{'is' if len(failed) == 1 else 'are'} no better than the majority class, "
                    f"{chance[task.name]:.2f} ({seeds})."
                )
    return tuple(found)


def shared_limits(shown: ComparedRuns) -> dict[str, int] | None:
    """Returns the limits of training sentences by task that all plans share, empty for no limit.

    None if the plans do not share them: then no baseline is comparable with all plans.
    """
    limits = [lowest_seed_run(plan).spec.examples for plan in shown.plans.plans]
    equal = bool(limits) and all(each == limits[0] for each in limits)
    return limits[0] if equal and shown.plans.same_sentences else None


def limits_by_size(shown: ComparedRuns) -> dict[TrainSize, tuple[RunSpec, dict[str, int]]]:
    """Returns by number of training sentences, the largest first, a spec and its limits by task.

    The spec is that of a started run if there is one, since that records the data's digests.
    """
    found = {}
    for each in shown.by_size[::-1]:
        specs = [run.spec for plan in each.plans.plans for run in plan.runs.values()]
        spec = max(specs, key=lambda spec: bool(spec.data_digests))
        if each.plans.same_sentences:
            found[each.size] = (spec, dict(spec.examples))
    return found
