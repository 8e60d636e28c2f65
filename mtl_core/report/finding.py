"""The result of a comparison in one line: the title of page and note.

For each task, the first rule that applies to the plans with a score gives the words:

1. Fewer than two plans have a score, or it is undefined.
2. No plan is above the majority class or a bag of words.
3. A plan could not be tested: only the highest plan is named.
4. All other plans are below the best: "full beats all others" ("full beats heads only" for two).
5. Plans are equivalent to the best. The cheapest in seconds of these and the best is named with the
   best; if it is the best itself, with the next equivalent plan: "full (best) is equivalent to top
   layer". The share of the time is added below nine tenths. If times are unknown or equal, the
   equivalent plans are counted. Undecided plans are counted behind.
6. Otherwise plans are undecided: "undecided between full and gradual", or the highest plan and the
   number of the undecided ones. They are never named as the cheaper choice.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

from mtl_core.analysis.by_size import AtSize
from mtl_core.analysis.forgetting import forgetting
from mtl_core.analysis.plans import PlanComparison, PlanResult, Verdict, finished_runs
from mtl_core.freezing.titles import task_title
from mtl_core.report.baselines import BaselinesByTask, unbeaten_words
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.forgetting import forgetting_title
from mtl_core.text import UNDEFINED, capitalized, count_or_all, counted, listed, percent, verb

NOTICEABLE = 0.9
"""An equivalent plan is only credited with a saving below this share of the time."""

LONGEST = 100
"""The number of characters that fit on one line of a page's title."""

AS_GOOD = (Verdict.BEST, Verdict.EQUIVALENT)
"""The verdicts of the best plan and of those that were shown to be as good."""

_FRACTIONS = {2: "half", 3: "a third", 4: "a quarter", 5: "a fifth", 6: "a sixth", 7: "a seventh"}
_FRACTIONS |= {8: "an eighth", 9: "a ninth", 10: "a tenth"}


def headline(shown: ComparedRuns, baselines: BaselinesByTask | None = None) -> str:
    """Returns the title of a comparison. `baselines` are those of the largest number of sentences.

    For one plan with several seeds that is the change of a task that it did not train, if one was
    shown, and otherwise the plan's means.
    """
    plans = shown.plans.plans
    if shown.by_size:
        return sizes_headline(shown.by_size, baselines)
    if len(plans) == 1 and shown.several_seeds and plans[0].seconds is not None:
        untrained = forgetting(plans[0], shown.gold, shown.rule)
        changed = [each for each in untrained if each.has_changed]
        if changed:
            return forgetting_title(task_title(changed[0].task.name), changed[:1])
        return _means(plans[0])
    return comparison_headline(shown.plans, baselines)


def comparison_headline(
    comparison: PlanComparison, baselines: BaselinesByTask | None = None
) -> str:
    """Returns the finding, or how many plans have finished while fewer than two have.

    A finding starts with "So far" while runs are unfinished.
    """
    plans = len(comparison.plans)
    scored = sum(plan.seconds is not None for plan in comparison.plans)
    if plans > 1 and scored < 2:
        return f"Waiting for results: {_finished_plans(scored, plans)}"
    line = finding(comparison, _titles(comparison), baselines)
    may_change = _incomparable(comparison) is None and is_unfinished(comparison)
    return f"So far: {line}" if may_change else line


def sizes_headline(sizes: Sequence[AtSize], baselines: BaselinesByTask | None = None) -> str:
    """Returns the result at the largest number of sentences.

    For one plan these are its means at the smallest and the largest number.
    """
    largest = sizes[-1].plans
    measured = [each for each in sizes if any(p.seconds is not None for p in each.plans.plans)]
    if len(largest.plans) == 1 and measured:
        line = _range_of_means(measured)
    elif sum(plan.seconds is not None for plan in largest.plans) < min(2, len(largest.plans)):
        return comparison_headline(largest, baselines)
    else:
        line = sizes_finding(sizes, _titles(largest), baselines)
    return f"So far: {line}" if any(is_unfinished(each.plans) for each in sizes) else line


def finding(
    comparison: PlanComparison,
    titles: Mapping[str, str],
    baselines: BaselinesByTask | None = None,
) -> str:
    """Returns the result on every task in one line, without times if it would exceed LONGEST.

    If the plans are not comparable, the line states the reason instead.
    """
    reason = _incomparable(comparison)
    if reason is not None:
        return reason
    for with_time in (True, False):
        line = ". ".join(
            f"{titles.get(task.name, task.name)}: "
            f"{task_finding(comparison, task.name, baselines, with_time=with_time)}"
            for task in comparison.tasks
        )
        if len(line) <= LONGEST:
            break
    return line


def task_finding(
    comparison: PlanComparison,
    task: str,
    baselines: BaselinesByTask | None = None,
    *,
    with_time: bool = True,
) -> str:
    """Returns the result on one task."""
    plans = comparison.scored(task)
    if len(plans) < 2 and comparison.undefined(task):
        return UNDEFINED
    if len(plans) < 2:
        return "fewer than two plans have a score"
    unbeaten = unbeaten_words(comparison, task, (baselines or {}).get(task, ()))
    if unbeaten is not None:
        return unbeaten
    best, other = plans[:2]
    if any(plan.tasks[task].verdict is Verdict.OPEN for plan in plans):
        return f"{best.label} {verb(best.label, 'is', 'are')} highest (not tested)"
    as_good = comparison.scored(task, *AS_GOOD)
    undecided = comparison.scored(task, Verdict.UNDECIDED)
    if len(as_good) > 1:
        words = _equivalence(as_good, plans, with_time=with_time)
        return f"{words}, {len(undecided)} undecided" if undecided else words
    if undecided:
        return _undecided(best.label, [plan.label for plan in undecided])
    beaten = other.label if len(plans) == 2 else "all others"
    return f"{best.label} {verb(best.label, 'beats', 'beat')} {beaten}"


def sizes_finding(
    sizes: Sequence[AtSize],
    titles: Mapping[str, str],
    baselines: BaselinesByTask | None = None,
) -> str:
    """Returns the result at the largest number of training sentences, and where else it holds:
    "NER: full beats heads only from 100 sentences on"."""
    largest = sizes[-1].plans
    reason = _incomparable(largest)
    if reason is not None:
        return reason
    parts = []
    for task in largest.tasks:
        unbeaten = unbeaten_words(largest, task.name, (baselines or {}).get(task.name, ()))
        words = f"{task_finding(largest, task.name, with_time=False)} {since(sizes, task.name)}"
        parts.append(f"{titles.get(task.name, task.name)}: {unbeaten or words}")
    return ". ".join(parts)


def since(sizes: Sequence[AtSize], task: str) -> str:
    """Names the numbers of sentences, without a gap, that share the finding of the largest."""
    findings = [task_finding(each.plans, task, with_time=False) for each in sizes]
    same = next((n for n, each in enumerate(findings[::-1]) if each != findings[-1]), len(findings))
    if same == len(sizes):
        return "at every number"
    first = sizes[-same].size
    if first is None:
        return "given all sentences"
    return f"given {first:,} sentences" if same == 1 else f"from {first:,} sentences on"


def is_tested(comparison: PlanComparison) -> bool:
    """Whether any plan was tested against the best."""
    tested = (Verdict.EQUIVALENT, Verdict.UNDECIDED, Verdict.BELOW)
    return any(comparison.scored(task.name, *tested) for task in comparison.tasks)


def has_one_seed(comparison: PlanComparison) -> bool:
    """Whether no plan has more than one finished seed."""
    return all(result.seeds < 2 for plan in comparison.plans for result in plan.tasks.values())


def _incomparable(comparison: PlanComparison) -> str | None:
    count = len(comparison.plans)
    if count < 2:
        return "Choose another run to compare" if count else "Choose two runs or more"
    if not comparison.same_sentences:
        return (
            f"These {count} plans were evaluated on different sentences: their scores cannot be "
            "compared"
        )
    if comparison.beyond_plan:
        some = [*comparison.beyond_plan[:3], *["more"] * (len(comparison.beyond_plan) > 3)]
        return f"These {count} plans differ in more than the plan: {listed(some)}"
    if all(plan.runs for plan in comparison.plans) and not any(
        set(one.runs) & set(other.runs) for one, other in combinations(comparison.plans, 2)
    ):
        return f"These {count} plans share no seed: run them with the same seeds to compare them"
    return None


def _equivalence(
    as_good: Sequence[PlanResult], plans: Sequence[PlanResult], *, with_time: bool
) -> str:
    timed = [(plan.seconds_alone, plan) for plan in as_good if plan.seconds_alone is not None]
    seconds, cheapest = min(timed, key=lambda each: each[0], default=(0.0, as_good[0]))
    other = next(plan for plan in as_good if plan is not cheapest)
    if len(timed) < len(as_good) or not other.seconds_alone or seconds == other.seconds_alone:
        return f"{len(as_good)} of {len(plans)} plans are equivalent"
    share = seconds / other.seconds_alone
    time = f", in {_fraction(share)} of the time" if with_time and share < NOTICEABLE else ""
    label, best = cheapest.label, " (best)" if cheapest is as_good[0] else ""
    return f"{label}{best} {verb(label, 'is', 'are')} equivalent to {other.label}{time}"


def _undecided(best: str, undecided: Sequence[str]) -> str:
    if len(undecided) == 1:
        return f"undecided between {best} and {undecided[0]}"
    return f"{best} {verb(best, 'leads', 'lead')}, {len(undecided)} undecided"


def _fraction(share: float) -> str:
    if share > 0.6:
        return percent(share)
    whole = round(1 / share)
    return _FRACTIONS.get(whole, f"1/{whole}")


def _means(plan: PlanResult) -> str:
    """`Full over 3 seeds: NER 0.67 entity F1`."""
    means = [
        f"{task_title(name)} {UNDEFINED}"
        if result.mean is None
        else f"{task_title(name)} {result.mean:.2f} {result.task.metric}"
        for name, result in plan.tasks.items()
        if result.mean is not None or result.verdict is Verdict.UNDEFINED
    ]
    seeds = counted(len(finished_runs(plan)), "seed")
    return f"{capitalized(plan.label)} over {seeds}: {', '.join(means)}"


def _range_of_means(sizes: Sequence[AtSize]) -> str:
    plan, first = sizes[-1].plans.plans[0], sizes[0].plans.plans[0]
    ends = dict.fromkeys(count_or_all(each.size) for each in (sizes[0], sizes[-1]))
    parts = []
    for name, result in plan.tasks.items():
        means = [r.mean for r in (first.tasks.get(name), result) if r is not None]
        values = dict.fromkeys(f"{mean:.2f}" for mean in means if mean is not None)
        undefined = result.verdict is Verdict.UNDEFINED
        words = UNDEFINED if undefined else f"{' to '.join(values)} {result.task.metric}"
        parts.append(f"{task_title(name)} {words}")
    return f"{capitalized(plan.label)}, {' to '.join(ends)} sentences: {', '.join(parts)}"


def _titles(comparison: PlanComparison) -> dict[str, str]:
    return {task.name: task_title(task.name) for task in comparison.tasks}


def _finished_plans(finished: int, plans: int) -> str:
    if not finished:
        return "no plan has finished yet"
    return f"{finished} of {plans} plans {'has' if finished == 1 else 'have'} finished"


def is_unfinished(comparison: PlanComparison) -> bool:
    """Whether a run has not finished, so that the result may change."""
    return any(run.finished is None for plan in comparison.plans for run in plan.runs.values())
