"""What moved inside, as figures and rows: for the Compare page's fold, and for whoever exports."""

from collections.abc import Mapping
from itertools import combinations

from mtl_core.analysis.convergence import Convergence, convergence
from mtl_core.analysis.inside import (
    Probe,
    Spread,
    gradient_cosine,
    layer_likeness,
    probe,
    was_measured,
)
from mtl_core.analysis.plans import PlanResult, finished_runs
from mtl_core.analysis.trained import left_out
from mtl_core.charts.drift import Drift, drift_figure
from mtl_core.charts.layer_similarity import similarity_figure
from mtl_core.charts.theme import Figure, Palette
from mtl_core.freezing.titles import task_title
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.inside_words import (
    LIKENESS_CAPTION,
    PROBE_CAPTION,
    cosine_words,
    likeness_title,
    probe_title,
    probe_words,
)
from mtl_core.report.panel import Panel, file_stem
from mtl_core.tasks.task import Task


def any_measured(shown: ComparedRuns) -> bool:
    """Whether any finished run told what moved."""
    return any(was_measured(plan) for plan in shown.plans.plans)


def likeness_panel(shown: ComparedRuns) -> Panel | None:
    """How alike each layer is to before training; None where no run measured a layer."""
    plans = {plan.label: found for plan in shown.plans.plans if (found := layer_likeness(plan))}
    if not plans:
        return None
    most = min(plans, key=lambda label: plans[label][max(plans[label])].mean)
    return Panel(
        name="likeness",
        lead="",
        title=likeness_title(plans),
        caption=LIKENESS_CAPTION,
        draw=lambda colors: similarity_figure(plans, most, colors),
    )


def probe_panel(shown: ComparedRuns, number: int, task: Task) -> Panel | None:
    """What the encoder knew of a task and knows at the end; None where no run probed it."""
    probes = {plan.label: found for plan in shown.plans.plans if (found := probe(plan, task))}
    if not probes:
        return None
    drifts = [_probe_drift(label, found) for label, found in probes.items()]
    metric = f"{task.metric} of a linear probe"

    def draw(colors: Palette) -> Figure:
        return drift_figure(drifts, metric, colors.task(number), colors)

    return Panel(
        name=f"probe-{number + 1}-{file_stem(task.name)}",
        lead="",
        title=probe_title(task_title(task.name), probes),
        caption=PROBE_CAPTION,
        draw=draw,
        task=number,
    )


def cosines(shown: ComparedRuns) -> dict[tuple[Task, Task], dict[str, Spread | None]]:
    """The cosine of each two tasks' gradients, by plan that was measured."""
    measured = [plan for plan in shown.plans.plans if was_measured(plan)]
    return {
        pair: {plan.label: gradient_cosine(plan, *pair) for plan in measured}
        for pair in combinations(shown.plans.tasks, 2)
    }


def cosine_row(label: str, found: Spread | None) -> dict[str, str]:
    """A plan's cosine as a row of a table."""
    row = {"Plan": label, "The tasks pull": cosine_words(found), "Cosine": "", "By seed": ""}
    if found is not None:
        row["Cosine"] = _cosine_text(found.mean)
        if found.seeds > 1:
            row["By seed"] = f"{_cosine_text(found.low)} to {_cosine_text(found.high)}"
    return row


def converged(shown: ComparedRuns) -> dict[str, dict[str, Convergence]]:
    """Where each plan's loss stood at the end, by plan and task that it trains; of plans with a
    finished run."""
    return {
        plan.label: {
            task.name: convergence(runs, task.name)
            for task in _tasks_of(shown, plan)
            if left_out(task, runs[0]) is None
        }
        for plan in shown.plans.plans
        if (runs := list(finished_runs(plan).values()))
    }


def convergence_row(
    shown: ComparedRuns, label: str, found: Mapping[str, Convergence]
) -> dict[str, str]:
    """A plan's convergence as a row of a table, a column for each task."""
    told = {
        task_title(task.name): found[task.name].words if task.name in found else "not trained"
        for task in shown.plans.tasks
    }
    return {"Plan": label, **told}


def _tasks_of(shown: ComparedRuns, plan: PlanResult) -> list[Task]:
    return [task for task in shown.plans.tasks if task.name in plan.tasks]


def _probe_drift(label: str, found: Probe) -> Drift:
    after = found.after
    return Drift(label, found.before, after.mean, after.low, after.high, probe_words(found))


def _cosine_text(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
