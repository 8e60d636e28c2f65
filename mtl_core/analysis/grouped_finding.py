"""A comparison of plans in one line, by stated rules. The title of its page.

For each task, of the plans that have a score, the first rule that holds speaks:

1. fewer than two: it is "not measured in two plans";
2. a verdict is open: which plan is highest, and nothing about the others;
3. all but the best are below it: "only full will do" ("full beats heads only" where there are two);
4. otherwise the cheapest in seconds of the best and those within noise of it "ties with" the best,
   or where it is the best, with the next of them (each is tested against the best, and against no
   other); and in what part of the time where that is under nine tenths;
5. where times are not known, or two take equally long: how many cannot be told from the best.
"""

from collections.abc import Mapping, Sequence

from mtl_core.analysis.plans import PlanComparison, PlanResult, Verdict
from mtl_core.analysis.words import in_percent, listed, verb

WORTH_SAYING = 0.9
"""Of the time: a tie in more of it than that saves nothing worth a word."""

LONGEST = 90
"""Characters that stay on one line of a page's title."""

_PARTS = {2: "half", 3: "a third", 4: "a quarter", 5: "a fifth", 6: "a sixth", 7: "a seventh"}
_PARTS |= {8: "an eighth", 9: "a ninth", 10: "a tenth"}


def finding(comparison: PlanComparison, titles: Mapping[str, str]) -> str:
    """The comparison in one line; shorter, without times, where it would pass LONGEST."""
    count = len(comparison.plans)
    if count < 2:
        return "Choose another plan to compare with" if count else "Choose two plans or more"
    if not comparison.same_questions:
        return f"These {count} plans answer different sentences: no score stands against another"
    if comparison.beyond_plan:
        shown = [*comparison.beyond_plan[:3], *["more"] * (len(comparison.beyond_plan) > 3)]
        return f"These {count} plans differ in more than the plan: {listed(shown)}"
    for with_time in (True, False):
        said = [
            f"{titles.get(task.name, task.name)}: "
            f"{task_finding(comparison, task.name, with_time=with_time)}"
            for task in comparison.tasks
        ]
        line = ". ".join(said)
        if len(line) <= LONGEST:
            break
    return line


def task_finding(comparison: PlanComparison, task: str, *, with_time: bool = True) -> str:
    """One task's part of the line."""
    plans = _measured(comparison, task)
    if len(plans) < 2:
        return "not measured in two plans"
    best = _highest(plans, task)
    if any(plan.tasks[task].verdict is Verdict.OPEN for plan in plans):
        return f"{best.label} {verb(best.label, 'is', 'are')} highest, not yet tested"
    level = _level(plans, task)
    if len(level) == 1:
        if len(plans) == 2:
            other = next(plan for plan in plans if plan is not best)
            return f"{best.label} {verb(best.label, 'beats', 'beat')} {other.label}"
        return f"only {best.label} will do"
    return _tie(level, plans, task, with_time=with_time)


def _tie(
    level: Sequence[PlanResult], plans: Sequence[PlanResult], task: str, *, with_time: bool
) -> str:
    """Of the best and what cannot be told from it: the cheapest, with the best or the next."""
    timed = [(plan.seconds, plan) for plan in level if plan.seconds is not None]
    seconds, cheap = min(timed, key=lambda each: each[0], default=(0.0, level[0]))
    other = _highest([plan for plan in level if plan is not cheap], task)
    if len(timed) < len(level) or not other.seconds or seconds == other.seconds:
        return f"{len(level)} of {len(plans)} cannot be told apart"
    share = seconds / other.seconds
    time = f", in {_part(share)} of the time" if with_time and share < WORTH_SAYING else ""
    return f"{cheap.label} {verb(cheap.label, 'ties', 'tie')} with {other.label}{time}"


def _measured(comparison: PlanComparison, task: str) -> list[PlanResult]:
    return [
        plan
        for plan in comparison.plans
        if task in plan.tasks and plan.tasks[task].mean is not None
    ]


def _highest(plans: Sequence[PlanResult], task: str) -> PlanResult:
    return max(plans, key=lambda plan: plan.tasks[task].mean or 0.0)


def _level(plans: Sequence[PlanResult], task: str) -> list[PlanResult]:
    """The best and what cannot be told from it."""
    kept = (Verdict.BEST, Verdict.WITHIN_NOISE)
    return [plan for plan in plans if plan.tasks[task].verdict in kept]


def _part(share: float) -> str:
    whole = round(1 / share)
    if share > 0.6:
        return in_percent(share)
    return _PARTS.get(whole, f"1/{whole}")
