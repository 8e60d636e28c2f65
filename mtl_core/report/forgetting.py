"""Tasks that a plan does not train, before and after training; and scores on other data."""

from collections.abc import Iterator, Mapping, Sequence

from mtl_core.analysis.forgetting import (
    Change,
    Forgetting,
    OtherDataScores,
    forgetting,
    scores_on_other_data,
)
from mtl_core.analysis.plans import Verdict
from mtl_core.analysis.trained import UntrainedReason
from mtl_core.charts.drift import Drift, drift_figure
from mtl_core.charts.theme import Figure, Palette
from mtl_core.freezing.titles import task_title
from mtl_core.report.against import interval_words
from mtl_core.report.blocks import Block, Text, figures, table_of
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.data_words import within
from mtl_core.report.panel import Panel, draw_panel, file_stem
from mtl_core.tasks.data_name import data_name
from mtl_core.tasks.task import Task
from mtl_core.text import signed, signed_range

FORGOTTEN_CAPTION = (
    "Means over seeds, before training and at the end. By seed: lowest and highest change. 95 %: "
    "confidence interval of the change over seeds and sentences, for each row by itself. "
    "Equivalent: it is inside ± the margin. Otherwise below or above: it excludes 0. Otherwise "
    "undecided. One seed is not tested. Loss is the cross-entropy on the same sentences; a change "
    "above 0 is worse."
)
ELSEWHERE_CAPTION = (
    "No plan was trained on these sentences. On own data: the score at the end on the test "
    "sentences of the plan's own data, or on the validation sentences if there are none. 95 %: "
    "confidence interval of the difference, over seeds and, where the predictions are stored, over "
    "the sentences of both."
)

_INTERVAL = "95 %"
_DRIFT_WIDTH = 560  # pixels
_TEXT_COLUMNS = ("Plan", "Task", "Verdict", "Reason")

UntrainedTasks = Mapping[Task, Sequence[Forgetting]]
"""By task that some plan does not train: its change under each of these plans."""


def untrained_blocks(shown: ComparedRuns) -> Iterator[Block]:
    """The note's section on tasks that a plan does not train: figures, sentences and numbers."""
    untrained = untrained_tasks(shown)
    panels = [drift_panel(shown, task, found) for task, found in untrained.items()]
    yield from figures([draw_panel(panel, _DRIFT_WIDTH) for panel in panels])
    every = [each for found in untrained.values() for each in found]
    for each in every:
        yield Text(forgetting_sentence(each))
    if every:
        yield table_of([forgotten_row(each) for each in every], left=_TEXT_COLUMNS)
        yield Text(FORGOTTEN_CAPTION)


def other_data_blocks(shown: ComparedRuns) -> Iterator[Block]:
    """The note's section on scores on other data, with one table per data set."""
    names = [task.name for task in shown.plans.tasks]
    for data, found in elsewhere(shown).items():
        yield Text(f"{elsewhere_title(data_name(data, names), found)}.")
        yield table_of([elsewhere_row(each) for each in found], left=_TEXT_COLUMNS)
        yield Text(ELSEWHERE_CAPTION)


def untrained_tasks(shown: ComparedRuns) -> UntrainedTasks:
    """The tasks that some plan does not train, in the order of the tasks."""
    plans = shown.plans.plans
    found = [each for plan in plans for each in forgetting(plan, shown.gold, shown.rule)]
    by_task = {task: [each for each in found if each.task == task] for task in shown.plans.tasks}
    return {task: each for task, each in by_task.items() if each}


def elsewhere(shown: ComparedRuns) -> dict[str, list[OtherDataScores]]:
    """The plans' scores by other data set, sorted by task and then by score, best first."""
    found = [each for plan in shown.plans.plans for each in scores_on_other_data(plan, shown.gold)]
    names = [task.name for task in shown.plans.tasks]
    found.sort(key=lambda each: (names.index(each.task.name), -each.metric.after))
    data = dict.fromkeys(each.data for each in found)
    return {name: [each for each in found if each.data == name] for name in data}


def drift_panel(shown: ComparedRuns, task: Task, found: Sequence[Forgetting]) -> Panel:
    """The task's score before and after training under each plan that leaves it out."""
    number = [each.name for each in shown.plans.tasks].index(task.name)
    metric = task.metric

    def draw(colors: Palette) -> Figure:
        drifts = [_drift(each) for each in found]
        return drift_figure(drifts, metric, colors.task(number), colors)

    return Panel(
        name=f"drift-{number + 1}-{file_stem(task.name)}",
        lead="",
        title=forgetting_title(task_title(task.name), found),
        caption=(
            f"{metric[0].upper()}{metric[1:]} before and after training, under plans in which the "
            "task's head is frozen or its loss has no weight."
        ),
        draw=draw,
        task=number,
    )


def forgetting_title(name: str, found: Sequence[Forgetting]) -> str:
    """The largest change of an untrained task that was shown, with its plan.

    Without one, the first that applies: no score changed at all, plans are undecided, plans are
    not tested, all are equivalent.
    """
    changed = [each for each in found if each.has_changed]
    if changed:
        most = max(changed, key=lambda each: abs(each.metric.mean))
        by = f"{abs(most.metric.mean):.3f} {most.judged.verdict}"
        return f"{name} untrained: {by} its start with {most.plan}"
    moved = [each for each in found if not each.metric.is_zero]
    if not moved:
        return f"{name} untrained: its score did not change"
    for verdict, words in ((Verdict.UNDECIDED, "undecided"), (Verdict.OPEN, "not tested")):
        plans = [each.plan for each in moved if each.judged.verdict is verdict]
        if plans:
            some = plans[0] if len(plans) == 1 else f"{len(plans)} plans"
            return f"{name} untrained: {words} with {some}"
    return f"{name} untrained: equivalent to its start"


def outcome_text(found: Forgetting) -> str:
    """`exactly as before`, `equivalent`, `undecided`, `below` or, without a test, `not tested`."""
    if found.metric.is_zero:
        return "exactly as before"
    if found.judged.verdict is Verdict.OPEN:
        return "not tested"
    return found.judged.verdict.value


def forgetting_sentence(found: Forgetting) -> str:
    """How the task's score changed under the plan, and why."""
    name, metric = task_title(found.task.name), found.task.metric
    if found.metric.is_zero:
        return f"{found.plan}: {name} did not change{_reason(found)}"
    change = f"{signed(found.metric.mean)} of {metric}{_evidence(found)}"
    match found.judged.verdict:
        case Verdict.BELOW | Verdict.ABOVE as verdict:
            return f"{found.plan}: {name} is {verdict} its start, {change}{_reason(found)}"
        case Verdict.EQUIVALENT:
            margin = f"within ± {found.judged.margin:g}"
            return f"{found.plan}: {name} is equivalent to its start, {change}, {margin}."
        case Verdict.UNDECIDED:
            neither = f"neither a change nor equivalence within ± {found.judged.margin:g} was shown"
            return f"{found.plan}: {name} is undecided, {change}: {neither}."
        case _:
            return f"{found.plan}: {name} changed by {change}, not tested{_reason(found)}"


def elsewhere_title(data: str, found: Sequence[OtherDataScores]) -> str:
    """The highest score of each task on the other data, with its plan."""
    tasks = dict.fromkeys(each.task for each in found)
    parts = []
    for task in tasks:
        best = max(
            (each for each in found if each.task == task), key=lambda each: each.metric.after
        )
        parts.append(
            f"highest {within(task.name)} {best.metric.after:.2f}, with {best.plan} "
            f"({best.on_own_data:.2f} on its training data set)"
        )
    return f"On {data}: {'; '.join(parts)}"


def forgotten_row(found: Forgetting) -> dict[str, str]:
    """An untrained task as a table row: metric and loss before and after."""
    return {
        "Plan": found.plan,
        "Task": _task_text(found.task),
        **_columns("", found.metric),
        _INTERVAL: interval_words(found.judged.interval),
        "Verdict": outcome_text(found),
        **(_columns("Loss ", found.loss) if found.loss else {}),
        "Reason": found.why.value,
    }


def elsewhere_row(found: OtherDataScores) -> dict[str, str]:
    """A score on other data as a table row, with the score on the plan's own data."""
    return {
        "Plan": found.plan,
        "Task": _task_text(found.task),
        "Here": f"{found.metric.after:.3f}",
        "On own data": f"{found.on_own_data:.3f}",
        "Difference": signed(found.metric.after - found.on_own_data),
        _INTERVAL: interval_words(found.difference),
        "Before training": f"{found.metric.before:.3f}",
        "Change": signed(found.metric.mean),
        "By seed": _range_text(found.metric),
    }


def _drift(found: Forgetting) -> Drift:
    metric, verdict = found.metric, outcome_text(found)
    if found.has_changed:
        verdict = f"{signed(metric.mean)}, {verdict}"
    return Drift(found.plan, metric.before, metric.after, found.lowest, found.highest, verdict)


def _task_text(task: Task) -> str:
    return f"{task_title(task.name)} {task.metric}"


def _columns(of: str, change: Change) -> dict[str, str]:
    columns = {
        f"{of}before": f"{change.before:.3f}",
        f"{of}after": f"{change.after:.3f}",
        f"{of}change": signed(change.mean),
        f"{of}by seed": _range_text(change),
    }
    return {name[:1].upper() + name[1:]: text for name, text in columns.items()}


def _range_text(change: Change) -> str:
    """The lowest and the highest seed's change; empty for one seed."""
    return "" if change.seeds < 2 else signed_range(change.low, change.high)


def _evidence(found: Forgetting) -> str:
    """In brackets, the interval of the change; without one the range over the seeds."""
    if found.judged.interval is not None:
        return f" (95 %: {interval_words(found.judged.interval)})"
    return f" (by seed {_range_text(found.metric)})" if found.metric.seeds > 1 else " (one seed)"


def _reason(found: Forgetting) -> str:
    """The end of a sentence: what was frozen, and what changed nevertheless."""
    if found.encoder_moved is None:
        return f": {found.why.value}."
    if not found.encoder_moved:
        return f": {found.why.value}, and the encoder did not change."
    if found.loss_used:
        return f": {found.why.value}, but its loss still trained the encoder."
    if found.judged.verdict is Verdict.BELOW and found.why is UntrainedReason.FROZEN_HEAD:
        return ", although its head was frozen: the encoder changed."
    return f": {found.why.value}, and the encoder changed."
