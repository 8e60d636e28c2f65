"""What was forgotten, for the Compare page and for a note: tasks left out, and scores elsewhere."""

from collections.abc import Mapping, Sequence

from mtl_core.analysis.forgetting import (
    Change,
    Elsewhere,
    Forgetting,
    forgetting,
    scored_elsewhere,
)
from mtl_core.analysis.paired import PairedDifference
from mtl_core.charts.drift import Drift, drift_figure
from mtl_core.charts.theme import Figure, Palette
from mtl_core.freezing.titles import task_title
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.forgetting_words import forgetting_title, outcome_words
from mtl_core.report.panel import Panel, file_stem
from mtl_core.tasks.task import Task

INTERVAL = "95 %"
"""The column of the interval of a change by a paired test over seeds and sentences."""

LeftOutTasks = Mapping[Task, Sequence[Forgetting]]
"""By task that some plan does not train: what became of it under every such plan."""


def tasks_left_out(shown: ComparedRuns) -> LeftOutTasks:
    """The tasks that some plan does not train, in the order of the tasks."""
    found = [each for plan in shown.plans.plans for each in forgetting(plan, shown.gold)]
    by_task = {task: [each for each in found if each.task == task] for task in shown.plans.tasks}
    return {task: each for task, each in by_task.items() if each}


def drift_panel(shown: ComparedRuns, task: Task, found: Sequence[Forgetting]) -> Panel:
    """The task's score before and after under each plan that leaves it out."""
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
            f"{metric[0].upper()}{metric[1:]} before and after, where its head is frozen or its "
            "loss has no weight."
        ),
        draw=draw,
        task=number,
    )


def forgotten_row(found: Forgetting) -> dict[str, str]:
    """A task left out, as a row of a table: metric and loss at both ends."""
    return {
        "Plan": found.plan,
        "Task": _task_words(found.task),
        **_numbers("", found.metric),
        INTERVAL: _interval(found.tested),
        **(_numbers("Loss ", found.loss) if found.loss else {}),
        "Left out as": found.why.value,
    }


def elsewhere(shown: ComparedRuns) -> dict[str, list[Elsewhere]]:
    """By other data, every plan's scores there, task by task and the best plan first."""
    found = [each for plan in shown.plans.plans for each in scored_elsewhere(plan)]
    names = [task.name for task in shown.plans.tasks]
    found.sort(key=lambda each: (names.index(each.task.name), -each.metric.after))
    data = dict.fromkeys(each.data for each in found)
    return {name: [each for each in found if each.data == name] for name in data}


def elsewhere_row(found: Elsewhere) -> dict[str, str]:
    """Scores on other data as a row of a table, beside those on the plan's own."""
    return {
        "Plan": found.plan,
        "Task": _task_words(found.task),
        "Here": f"{found.metric.after:.3f}",
        "At home": f"{found.at_home:.3f}",
        "Against home": _signed(found.metric.after - found.at_home),
        "Before training": f"{found.metric.before:.3f}",
        "Change": _signed(found.metric.mean),
        "By seed": _by_seed(found.metric),
    }


def _drift(found: Forgetting) -> Drift:
    metric, said = found.metric, outcome_words(found)
    return Drift(found.plan, metric.before, metric.after, found.lowest, found.highest, said)


def _task_words(task: Task) -> str:
    return f"{task_title(task.name)} {task.metric}"


def _numbers(of: str, change: Change) -> dict[str, str]:
    told = {
        f"{of}before": f"{change.before:.3f}",
        f"{of}after": f"{change.after:.3f}",
        f"{of}change": _signed(change.mean),
        f"{of}by seed": _by_seed(change),
    }
    return {name[:1].upper() + name[1:]: text for name, text in told.items()}


def _interval(tested: PairedDifference | None) -> str:
    return "" if tested is None else f"{_signed(tested.low)} to {_signed(tested.high)}"


def _by_seed(change: Change) -> str:
    """The lowest and the highest seed's change; empty for one seed."""
    return "" if change.seeds < 2 else f"{_signed(change.low)} to {_signed(change.high)}"


def _signed(value: float) -> str:
    """`−0.310`; `0` only where it is exactly 0."""
    if value == 0:
        return "0"
    return f"{'−' if value < 0 else '+'}{abs(value):.3f}"
