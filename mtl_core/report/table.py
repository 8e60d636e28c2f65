"""The table of scores and costs: one row per plan, and the rule that distinguishes plans.

Page, note and terminal take its cells, its title and its caption from here.
"""

from collections.abc import Iterator, Sequence

from mtl_core.analysis.intervals import standard_error
from mtl_core.analysis.plans import PlanComparison, PlanResult, TaskResult, Verdict, finished_runs
from mtl_core.freezing.titles import task_title
from mtl_core.report.against import against_words, interval_words, untested_words
from mtl_core.report.baselines import BaselinesByTask, baseline_lines, collapse_lines
from mtl_core.report.blocks import Block, Table, Text, table_of
from mtl_core.report.compared import ComparedRuns, lowest_seed_run, own_facts
from mtl_core.report.data_words import within
from mtl_core.report.diverged import diverged_lines
from mtl_core.report.finding import has_one_seed, is_tested
from mtl_core.report.load import Report
from mtl_core.report.run_words import other_data_lines, rate_words
from mtl_core.report.seconds import duration_lines, seconds_words, sharing_words
from mtl_core.report.undecided import undecided_lines
from mtl_core.tasks.readings import states_reading
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.text import UNDEFINED, bytes_text, listed, numbers_text, percent, signed

TRIALS_COMMAND = "python benchmarks/a_a_trials.py"
"""The command that measures FALSE_POSITIVES, run in the folder of Freeze Lab."""

TRIALS = 2_000
"""The number of simulated trials behind each value of FALSE_POSITIVES."""

FALSE_POSITIVES = {(2, 3): 0.0015, (2, 5): 0.015, (6, 3): 0.0, (6, 5): 0.001}
"""By the number of equal plans and of seeds: the share of trials in which the test found any plan
significantly below the best. Less favourable trials: docs/decisions/0034."""

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_INTERVAL = "95 % interval"
_RESULTS = {
    Verdict.BEST: "best is",
    Verdict.EQUIVALENT: "equivalent to it:",
    Verdict.BELOW: "below it:",
    Verdict.UNDECIDED: "undecided:",
    Verdict.OPEN: "not tested:",
}


def blocks(report: Report) -> Iterator[Block]:
    """Builds the note's section: scores with their verdicts, the best plan first, then costs."""
    plans = report.compared.plans
    ordered = sorted_plans(plans)
    brackets = "" if has_one_seed(plans) else " In brackets: the lowest and the highest seed."
    if report.several_plans:
        yield Text(f"{table_title(plans)}.")
        yield table_of([_score_row(plan, report.compared) for plan in ordered])
        interval = f" {_INTERVAL}: of the difference from the best."
        yield Text(f"{table_rule(plans)}{brackets}{interval if is_tested(plans) else ''}")
        for line in lines_below(plans, report.baselines):
            yield Text(line)
        if judged := judged_words(plans):
            yield Text(judged)
        errors = error_rate_words(plans)
        if errors:
            yield Text(f"{errors} Command, in the folder of Freeze Lab: {TRIALS_COMMAND}")
    else:
        yield table_of([_own_score_row(plan, plans) for plan in ordered])
        yield Text(f"{table_rule(plans)}{brackets}")
    yield table_of([_cost_row(plan, plans) for plan in ordered])
    yield Text(
        "Seconds and peak memory: means over the finished runs. The memory is that of the whole "
        "process, with Python and torch; the Freeze page estimates that of one step. Trainable "
        "and share: the largest of any phase. Frozen tensors: compared by the SHA-256 of every "
        "frozen tensor in every finished run."
    )
    for line in setting_lines(report.compared):
        yield Text(line)
    for line in _reading_lines(ordered):
        yield Text(line)
    yield from _notes(ordered, report)


def setting_lines(shown: ComparedRuns) -> tuple[str, ...]:
    """States for each plan the settings that not all plans share; empty if all are shared."""
    facts = own_facts(shown)
    return tuple(f"Settings of {label}: {'; '.join(own)}." for label, own in facts.items() if own)


def terminal_table(comparison: PlanComparison, separator: str = " ") -> Table:
    """Builds the table that the command line prints; `separator` precedes the range of a mean."""
    scores = [f"{task.name} {task.metric}" for task in comparison.tasks]
    columns = ("scenario", "trainable", *scores, "seconds", "peak MB", "seeds")
    rows = [tuple(_terminal_row(plan, comparison.tasks, separator)) for plan in comparison.plans]
    titles = tuple(name.replace(" ", separator, 1) for name in columns)
    return Table(titles, tuple(rows), frozenset(titles[1:]))


def result_words(comparison: PlanComparison, task: str) -> str:
    """States the verdicts on a task: "best is a; equivalent to it: b; undecided: c"."""
    parts = [
        f"{words} {', '.join(plan.label for plan in plans)}"
        for verdict, words in _RESULTS.items()
        if (plans := comparison.scored(task, verdict))
    ]
    if undefined := comparison.undefined(task):
        parts.append(f"{UNDEFINED} for {', '.join(plan.label for plan in undefined)}")
    return "; ".join(parts) or "no run has finished"


def mean_words(result: TaskResult | None) -> str:
    """Formats mean and range over seeds: `0.663 (0.637 to 0.679)`; empty without a score."""
    if result is not None and result.verdict is Verdict.UNDEFINED:
        return UNDEFINED
    if result is None or result.mean is None:
        return ""
    if result.low is None or result.high is None or result.seeds < 2:
        return f"{result.mean:.3f}"
    return f"{result.mean:.3f} ({result.low:.3f} to {result.high:.3f})"


def verdict_words(result: TaskResult | None) -> str:
    """Formats a verdict: `best`, `≈ equivalent`, `? undecided`, a difference or `undefined: …`."""
    if result is not None and result.verdict is Verdict.UNDEFINED:
        return UNDEFINED
    if result is None or result.mean is None:
        return ""
    match result.verdict:
        case Verdict.BEST:
            return "best"
        case Verdict.EQUIVALENT:
            return "≈ equivalent"
        case Verdict.UNDECIDED:
            return "? undecided"
        case Verdict.BELOW if result.against_best is not None:
            return signed(result.against_best.effect)
        case _:
            return untested_words(result.difference)


def frozen_words(plan: PlanResult) -> str:
    """States whether the frozen tensors of the finished runs kept their SHA-256 digests."""
    if plan.frozen_exact is None:
        return ""
    if not plan.frozen_exact:
        return "✕ changed"
    ends = [run.finished for run in plan.runs.values() if run.finished is not None]
    return "unchanged" if any(end.frozen_tensors for end in ends) else "none frozen"


def share_words(plan: PlanResult) -> str:
    """Formats the share of the parameters that the plan trains; empty while it is unknown."""
    if plan.trainable is None or not plan.total:
        return ""
    return percent(plan.trainable / plan.total, 1)


def finished_seeds(plan: PlanResult) -> int:
    """Counts the plan's finished runs."""
    return len(finished_runs(plan))


def sorting_task(comparison: PlanComparison) -> Task:
    """Returns the task with the most plans below the best; the last one of several.

    A task whose score is undefined comes after all others.
    """
    return max(
        reversed(comparison.tasks),
        key=lambda task: (
            not comparison.undefined(task.name),
            len(comparison.scored(task.name, Verdict.BELOW)),
        ),
    )


def sorted_plans(comparison: PlanComparison) -> list[PlanResult]:
    """Sorts the plans by their mean on `sorting_task`, plans without a score last."""
    scored = comparison.scored(sorting_task(comparison).name)
    return [*scored, *(plan for plan in comparison.plans if plan not in scored)]


def table_title(comparison: PlanComparison) -> str:
    """States the order of the rows, and how many plans are equivalent or undecided on a task.

    "Sorted by NER entity F1. Sentiment: two equivalent to the best, one undecided. …"
    """
    if len(comparison.plans) < 2:
        return "Scores and costs"
    by = sorting_task(comparison)
    found = [f"Sorted by {task_title(by.name)} {by.metric}"]
    for task in comparison.tasks:
        equivalent, undecided = (
            len(comparison.scored(task.name, each))
            for each in (Verdict.EQUIVALENT, Verdict.UNDECIDED)
        )
        parts = [f"{count_word(equivalent)} equivalent to the best"] * (equivalent > 0)
        parts += [f"{count_word(undecided)} undecided"] * (undecided > 0)
        if parts:
            found.append(f"{task_title(task.name)}: {', '.join(parts)}")
    return ". ".join(found)


def lines_below(comparison: PlanComparison, baselines: BaselinesByTask) -> tuple[str, ...]:
    """The sentences below the table: those on scores, on baselines and on durations."""
    scores = score_lines(comparison, baselines) + baseline_lines(comparison, baselines)
    return scores + duration_lines(comparison)


def score_lines(comparison: PlanComparison, baselines: BaselinesByTask) -> tuple[str, ...]:
    """The sentences on scores that are undefined, missing, undecided or no better than chance."""
    scores = undefined_lines(comparison) + diverged_lines(comparison) + undecided_lines(comparison)
    return scores + collapse_lines(comparison, baselines)


def undefined_lines(comparison: PlanComparison) -> tuple[str, ...]:
    """States why the plans have no score on a task whose split has no entities."""
    return tuple(
        f"{task_title(task.name)}: entity F1 is undefined, because the "
        f"{comparison.judged_on(task.name)[0]} sentences contain no entities. Plans are not "
        "compared on it."
        for task in comparison.tasks
        if comparison.undefined(task.name)
    )


def table_rule(comparison: PlanComparison) -> str:
    """Explains the marks that the table contains, for its caption."""
    seeds = seeds_words(comparison.seeds)
    if not comparison.same_sentences:
        return f"{seeds} The plans were evaluated on different sentences: there is no test."
    if len(comparison.plans) < 2:
        return seeds
    results = [each for task in comparison.tasks for each in _results(comparison, task)]
    words = {each.verdict: verdict_words(each) for each in results}
    margins = listed(
        [
            f"{result.margin:g} {task.metric}"
            for task in comparison.tasks
            if (result := next(iter(_results(comparison, task)), None))
            and result.margin is not None
        ]
    )
    parts = [
        seeds,
        "Intervals: 95 % for all pairs of plans together, over seeds and sentences."
        * is_tested(comparison),
        f"≈ equivalent: the difference from the best is within ± {margins}."
        * (Verdict.EQUIVALENT in words),
        f"? undecided: neither a difference nor equivalence within ± {margins} was shown."
        * (Verdict.UNDECIDED in words),
        f"A number such as {words.get(Verdict.BELOW)} is the difference of a plan that is below "
        "the best." * (Verdict.BELOW in words),
        "Not tested: fewer than two shared seeds, no known variance, or better than the best on "
        "the seeds that both have." * (Verdict.OPEN in words),
        _looks_words(comparison),
        sharing_words(comparison),
    ]
    return " ".join(part for part in parts if part)


def judged_words(comparison: PlanComparison) -> str:
    """States on which sentences the plans are compared; empty until a run has read the data."""
    by_split: dict[str, list[str]] = {}
    for task in comparison.tasks:
        split, sentences = comparison.judged_on(task.name)
        if sentences is not None:
            by_split.setdefault(split, []).append(task.name)
    tasks = {split: listed([within(name) for name in names]) for split, names in by_split.items()}
    parts = [
        f"Scores of {tasks.get('test')} are those on the test sentences, which were not used to "
        "choose anything." * ("test" in tasks),
        f"Scores of {tasks.get('validation')} are those on the validation sentences, because the "
        "data have no test split. A learning rate or a plan chosen on them looks better than it is."
        * ("validation" in tasks),
    ]
    return " ".join(part for part in parts if part)


def seeds_words(seeds: Sequence[int]) -> str:
    """Names the seeds: "Seed 1.", "Means over seeds 1, 2, 3." or "Means over seeds 0 to 9."."""
    if len(seeds) == 1:
        return f"Seed {seeds[0]}."
    return f"Means over seeds {numbers_text(seeds)}."


def error_rate_words(comparison: PlanComparison) -> str:
    """States how often the test finds a difference between equal plans; empty without a test."""
    if not is_tested(comparison):
        return ""
    two, six = (
        f"{_false_positives(plans, 3)} with three seeds and {_false_positives(plans, 5)} with five"
        for plans in (2, 6)
    )
    return (
        f"How often the test calls one of several equal plans worse, in {TRIALS:,} simulated "
        f"comparisons: of two plans in {two}; of six plans in {six}."
    )


def _looks_words(comparison: PlanComparison) -> str:
    """States the looks at the results; empty if no seeds were added."""
    if not comparison.looks:
        return ""
    counts = listed([str(count) for count in (*comparison.looks, len(comparison.seeds))])
    return f"Seeds were added: looks with {counts} seeds share the 5 % error of the intervals."


def _results(comparison: PlanComparison, task: Task) -> list[TaskResult]:
    return [plan.tasks[task.name] for plan in comparison.scored(task.name)]


def count_word(count: int) -> str:
    """Spells out a number below ten."""
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def _score_row(plan: PlanResult, shown: ComparedRuns) -> dict[str, str]:
    row = {"Plan": plan.label}
    for task in shown.plans.tasks:
        title, result = task_title(task.name), plan.tasks.get(task.name)
        row |= {
            f"{title} {task.metric}": mean_words(result),
            f"{title} against best": verdict_words(result),
            f"{title} {_INTERVAL}": interval_words(result.against_best if result else None),
        }
        if shown.reference is not None:
            found = shown.against.get(task.name, {}).get(plan.label)
            row[f"{title} against {shown.reference}"] = against_words(found)
    return row


def _own_score_row(plan: PlanResult, comparison: PlanComparison) -> dict[str, str]:
    row = {"Plan": plan.label}
    for task in comparison.tasks:
        title, result = task_title(task.name), plan.tasks.get(task.name)
        before = "" if result is None or result.before is None else f"{result.before:.3f}"
        row |= {
            f"{title} {task.metric}": mean_words(result),
            f"{title} standard error": _sampling_error(plan, task),
            f"{title} before training": before,
        }
    return row


def _sampling_error(plan: PlanResult, task: Task) -> str:
    """The standard error of one run's accuracy; empty for entity F1, which is not a share."""
    runs, result = list(finished_runs(plan).values()), plan.tasks.get(task.name)
    if len(runs) != 1 or task.kind is not TaskKind.SENTENCE or result is None:
        return ""
    sentences = runs[0].examples.get(task.name, {}).get(runs[0].judged_split(task.name))
    if not sentences or result.mean is None:
        return ""
    return f"{standard_error(result.mean, sentences):.3f}"


def _cost_row(plan: PlanResult, comparison: PlanComparison) -> dict[str, str]:
    rates = [rate for phase in lowest_seed_run(plan).phases for rate in phase.rates]
    memory = plan.peak_memory_bytes
    return {
        "Plan": plan.label,
        "Seconds": seconds_words(plan, comparison),
        "Peak memory": "" if memory is None else bytes_text(memory),
        "Trainable": "" if plan.trainable is None else f"{plan.trainable:,}",
        "Share": share_words(plan),
        "Rates": rate_words(rates),
        "Frozen tensors": frozen_words(plan),
        "Finished seeds": f"{finished_seeds(plan)} of {len(comparison.seeds)}",
    }


def _terminal_row(plan: PlanResult, tasks: Sequence[Task], separator: str) -> Iterator[str]:
    yield plan.label
    yield "" if plan.trainable is None else f"{plan.trainable:,}"
    for task in tasks:
        mean, bracket, spread = mean_words(plan.tasks.get(task.name)).partition(" (")
        near = bracket + spread if separator == " " else separator + spread.rstrip(")")
        yield mean + near if spread else mean
    yield seconds_words(plan)
    yield "" if plan.peak_memory_bytes is None else f"{plan.peak_memory_bytes / 1e6:,.0f}"
    yield str(finished_seeds(plan))


def _reading_lines(plans: Sequence[PlanResult]) -> list[str]:
    """How the data of the runs were read, each line once."""
    runs = (run for plan in plans for run in plan.runs.values())
    return list(dict.fromkeys(line for run in runs for line in run.notes if states_reading(line)))


def _notes(plans: Sequence[PlanResult], report: Report) -> Iterator[Block]:
    """Remarks of the runs, those of all plans once; for a single run its scores on other data."""
    by_plan = {
        plan.label: dict.fromkeys(
            line for run in plan.runs.values() for line in run.notes if not states_reading(line)
        )
        for plan in plans
    }
    first = next(iter(by_plan.values()), {})
    of_all = [line for line in first if all(line in lines for lines in by_plan.values())]
    if len(plans) > 1:
        yield from (Text(line) for line in of_all)
    for label, lines in by_plan.items():
        own = [line for line in lines if len(plans) == 1 or line not in of_all]
        other_data = other_data_lines(report.runs[0].summary) if len(report.runs) == 1 else ()
        for line in (*own, *other_data):
            yield Text(f"{label}: {line}")


def _false_positives(plans: int, seeds: int) -> str:
    return percent(FALSE_POSITIVES[plans, seeds], 1)
