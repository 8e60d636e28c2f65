"""What the measures of a run say, in words: likeness of layers, gradients, probes, convergence."""

from collections.abc import Mapping, Sequence

from mtl_core.analysis.convergence import Convergence, Trend
from mtl_core.analysis.inside import RIGHT_ANGLE, Probe, Spread
from mtl_core.tasks.task import Task

LIKENESS_CAPTION = (
    "Linear CKA of each layer's outputs with those before training, on validation sentences: 1 is "
    "as before, whatever the rotation and scale. The further a line falls, the more that layer now "
    "says something else (Kornblith et al. 2019). Bars: lowest to highest seed."
)
COSINE_CAPTION = (
    "Cosine between the two tasks' gradients on the shared tensors that learn, mean of start and "
    "end. Above 0 a step for one task helps the other, below 0 it undoes some of it (Yu et al. "
    f"2020); within ±{RIGHT_ANGLE} we call it a right angle."
)
PROBE_CAPTION = (
    "A fresh logistic regression on the encoder's outputs, before training and after: what the "
    "encoder knows, whatever the head says (Alain & Bengio 2016)."
)
CONVERGENCE_CAPTION = (
    "By the mean validation loss. Still falling: the last evaluation lowered it by 2 % or more; "
    "overfitting: it ends at least 5 % above its lowest. Flat may also mean that the learning rate "
    "had run out."
)


def likeness_title(plans: Mapping[str, Mapping[int, Spread]]) -> str:
    """Which plan changed what the top layer says most."""
    tops = {label: each[max(each)].mean for label, each in plans.items() if each}
    if all(value == 1 for value in tops.values()):
        return "No layer says anything else than before"
    most = min(tops, key=lambda label: tops[label])
    return f"{most} changed the top layer most: likeness {tops[most]:.2f}"


def cosine_title(told: Mapping[str, Spread | None]) -> str:
    """Whether the tasks help or hinder each other under any plan."""
    known = {label: each.mean for label, each in told.items() if each is not None}
    if not known:
        return "The tasks share nothing that learns"
    low, high = min(known, key=lambda each: known[each]), max(known, key=lambda each: known[each])
    if known[low] <= -RIGHT_ANGLE:
        return f"The tasks pull against each other, most with {low}"
    if known[high] >= RIGHT_ANGLE:
        return f"The tasks pull the same way, most with {high}"
    return "The tasks neither help nor hinder each other"


def cosine_words(cosine: Spread | None) -> str:
    """What one plan's cosine means."""
    if cosine is None:
        return "nothing shared learns"
    if abs(cosine.mean) < RIGHT_ANGLE:
        return "at a right angle"
    return "the same way" if cosine.mean > 0 else "against each other"


def probe_title(name: str, probes: Mapping[str, Probe]) -> str:
    """After which plan the encoder knows most of a task, and from where it came."""
    best = max(probes, key=lambda label: probes[label].after.mean)
    found = probes[best]
    if found.after.mean <= found.before:
        return f"{name}: no plan taught the encoder more than it knew"
    return (
        f"{name}: the encoder knows most after {best}, {found.before:.2f} → {found.after.mean:.2f}"
    )


def probe_words(found: Probe) -> str:
    """What became of the encoder's knowledge: unchanged to the digit, or by how much it moved."""
    change = found.after.mean - found.before
    if found.after.low == found.after.high == found.before:
        return "exactly as before"
    return f"{abs(change):.3f} {'lost' if change < 0 else 'gained'}"


def convergence_title(tasks: Sequence[Task], told: Mapping[str, Mapping[str, Convergence]]) -> str:
    """How many plans would still have gained from more training."""
    known = {
        label: each
        for label, each in told.items()
        if any(found.trend is not Trend.OPEN for found in each.values())
    }
    if not known:
        return "Too few evaluations to say whether a plan converged"
    falling = [
        label
        for label, each in known.items()
        if any(each[task.name].trend is Trend.FALLING for task in tasks if task.name in each)
    ]
    if not falling:
        return "Every plan converged on every task"
    if len(falling) == len(known):
        return "No plan had converged on every task: longer runs may change the order"
    some = ", ".join(falling[:3]) + (" and others" if len(falling) > 3 else "")
    return f"Not yet converged: {some}. A longer run may move it up"
