"""Changes inside the model: layer similarity, linear probes, and gradients of the tasks."""

from collections.abc import Iterator, Mapping
from itertools import combinations

from mtl_core.analysis.inside import (
    RIGHT_ANGLE,
    Cosine,
    Probe,
    Spread,
    gradient_cosine,
    layer_similarity,
    probe,
    was_measured,
)
from mtl_core.charts.drift import Drift, drift_figure
from mtl_core.charts.layer_similarity import similarity_figure
from mtl_core.charts.theme import Figure, Palette
from mtl_core.freezing.titles import task_title
from mtl_core.report.blocks import Block, Text, figures, table_of
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.load import Report
from mtl_core.report.panel import Panel, draw_panel, file_stem
from mtl_core.tasks.task import Task
from mtl_core.text import MINUS

COSINE_CAPTION = (
    "Cosine between the gradients of the two tasks on the shared trainable tensors after training: "
    "mean over four batches of 16 sentences a task. Above 0, a step for one task also lowers "
    "the loss of the other; below 0, it raises it (Yu et al. 2020). Within "
    f"±{RIGHT_ANGLE} counts as orthogonal. By batch: lowest to highest batch of any seed."
)
COSINE_COLUMN = "Gradients"

_SIMILARITY_CAPTION = (
    "Linear CKA between each layer's outputs after and before training, on validation sentences "
    "(Kornblith et al. 2019). 1: unchanged except for scale and rotation; the lower, the larger "
    "the change. Bars: lowest to highest seed."
)
_PROBE_CAPTION = (
    "Score of a new logistic regression on the encoder's outputs, before and after training: what "
    "the encoder represents, independent of the head (Alain & Bengio 2016)."
)
_FIGURE_WIDTH = 560  # pixels


def blocks(report: Report) -> Iterator[Block]:
    """The note's section: figures of similarity and probes, and a table per pair of tasks."""
    shown = report.compared
    probes = [probe_panel(shown, number, task) for number, task in enumerate(shown.plans.tasks)]
    panels = [panel for panel in (similarity_panel(shown), *probes) if panel is not None]
    yield from figures([draw_panel(panel, _FIGURE_WIDTH) for panel in panels])
    if any_measured(shown):
        for (one, other), cosines in gradient_cosines(shown).items():
            names = f"{task_title(one.name)} and {task_title(other.name)}"
            yield Text(f"{names}. {cosine_title(cosines)}.")
            rows = [cosine_row(label, each) for label, each in cosines.items()]
            yield table_of(rows, left=(COSINE_COLUMN,))
            yield Text(COSINE_CAPTION)


def any_measured(shown: ComparedRuns) -> bool:
    """Whether any finished run measured changes inside the model."""
    return any(was_measured(plan) for plan in shown.plans.plans)


def similarity_panel(shown: ComparedRuns) -> Panel | None:
    """The similarity of each layer to that before training; None if no run measured it."""
    plans = {plan.label: found for plan in shown.plans.plans if (found := layer_similarity(plan))}
    if not plans:
        return None
    lowest = min(plans, key=lambda label: plans[label][max(plans[label])].mean)
    return Panel(
        name="likeness",
        lead="",
        title=similarity_title(plans),
        caption=_SIMILARITY_CAPTION,
        draw=lambda colors: similarity_figure(plans, lowest, colors),
    )


def similarity_title(plans: Mapping[str, Mapping[int, Spread]]) -> str:
    """Which plan changed the top layer most; `plans` are by label and layer."""
    tops = {label: each[max(each)].mean for label, each in plans.items() if each}
    if all(value == 1 for value in tops.values()):
        return "No plan changed the outputs of the top layer"
    lowest = min(tops, key=lambda label: tops[label])
    degree = " most" if len(tops) > 1 else ""
    return f"{lowest} changed the top layer{degree}: similarity {tops[lowest]:.2f}"


def probe_panel(shown: ComparedRuns, number: int, task: Task) -> Panel | None:
    """The score of a linear probe before and after training; None if no run measured it."""
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
        caption=_PROBE_CAPTION,
        draw=draw,
        task=number,
    )


def probe_title(name: str, probes: Mapping[str, Probe]) -> str:
    """The plan with the highest probe score, unless none raised it; `probes` are by plan label."""
    best = max(probes, key=lambda label: probes[label].after.mean)
    found = probes[best]
    if found.after.low <= found.before:
        return f"{name}: no plan raised the probe score"
    return f"{name}: highest probe score after {best}, {found.before:.2f} → {found.after.mean:.2f}"


def probe_text(found: Probe) -> str:
    """How the probe score changed: not at all, within the range of the seeds, or by how much."""
    change = found.after.mean - found.before
    if found.after.low == found.after.high == found.before:
        return "exactly as before"
    if found.after.low <= found.before <= found.after.high:
        return "within the range of the seeds"
    return f"{abs(change):.3f} {'lost' if change < 0 else 'gained'}"


def gradient_cosines(shown: ComparedRuns) -> dict[tuple[Task, Task], dict[str, Cosine | None]]:
    """The cosine of each pair of tasks, by the label of each measured plan."""
    measured = [plan for plan in shown.plans.plans if was_measured(plan)]
    return {
        pair: {plan.label: gradient_cosine(plan, *pair) for plan in measured}
        for pair in combinations(shown.plans.tasks, 2)
    }


def cosine_title(cosines: Mapping[str, Cosine | None]) -> str:
    """Whether the gradients of two tasks conflict or align under any plan."""
    known = {label: each.mean for label, each in cosines.items() if each is not None}
    if not known:
        return "The tasks train no shared tensors"
    low, high = min(known, key=lambda each: known[each]), max(known, key=lambda each: known[each])
    if known[low] <= -RIGHT_ANGLE:
        return f"The tasks' gradients conflict, most with {low}"
    if known[high] >= RIGHT_ANGLE:
        return f"The tasks' gradients align, most with {high}"
    return "The tasks' gradients are almost orthogonal"


def cosine_text(cosine: Cosine | None) -> str:
    """The meaning of a plan's cosine; None: no shared tensor is trained by both tasks."""
    if cosine is None:
        return "no shared tensors"
    if abs(cosine.mean) < RIGHT_ANGLE:
        return "orthogonal"
    return "aligned" if cosine.mean > 0 else "conflicting"


def cosine_row(label: str, cosine: Cosine | None) -> dict[str, str]:
    """A plan's cosine as a table row."""
    row = {"Plan": label, COSINE_COLUMN: cosine_text(cosine), "Cosine": "", "By seed": ""}
    row["By batch"] = ""
    if cosine is not None:
        row["Cosine"] = _signed(cosine.mean)
        if cosine.seeds > 1:
            row["By seed"] = f"{_signed(cosine.low)} to {_signed(cosine.high)}"
        if cosine.by_batch is not None:
            row["By batch"] = " to ".join(map(_signed, cosine.by_batch))
    return row


def _probe_drift(label: str, found: Probe) -> Drift:
    after = found.after
    return Drift(label, found.before, after.mean, after.low, after.high, probe_text(found))


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", MINUS)
