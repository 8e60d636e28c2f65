"""What the measures of a run say, in words: likeness of layers, gradients, probes, convergence."""

from collections.abc import Mapping

from mtl_core.analysis.convergence import Convergence, Trend
from mtl_core.analysis.inside import RIGHT_ANGLE, Probe, Spread

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
    "overfitting: it ends at least 5 % above its lowest, though its score may hold. Flat may also "
    "mean that the learning rate had run out."
)


def likeness_title(plans: Mapping[str, Mapping[int, Spread]]) -> str:
    """Which plan changed what the top layer says most."""
    tops = {label: each[max(each)].mean for label, each in plans.items() if each}
    if all(value == 1 for value in tops.values()):
        return "No layer says anything else than before"
    most = min(tops, key=lambda label: tops[label])
    degree = " most" if len(tops) > 1 else ""
    return f"{most} changed the top layer{degree}: likeness {tops[most]:.2f}"


def cosine_title(told: Mapping[str, Spread | None]) -> str:
    """Whether the tasks help or hinder each other under any plan."""
    known = {label: each.mean for label, each in told.items() if each is not None}
    if not known:
        return "The tasks teach nothing in common"
    low, high = min(known, key=lambda each: known[each]), max(known, key=lambda each: known[each])
    if known[low] <= -RIGHT_ANGLE:
        return f"The tasks pull against each other, most with {low}"
    if known[high] >= RIGHT_ANGLE:
        return f"The tasks pull the same way, most with {high}"
    return "The tasks neither help nor hinder each other"


def cosine_words(cosine: Spread | None) -> str:
    """What one plan's cosine means; None where no shared tensor learns from both tasks."""
    if cosine is None:
        return "nothing in common"
    if abs(cosine.mean) < RIGHT_ANGLE:
        return "at a right angle"
    return "the same way" if cosine.mean > 0 else "against each other"


def probe_title(name: str, probes: Mapping[str, Probe]) -> str:
    """After which plan the encoder knows most of a task, and from where it came."""
    best = max(probes, key=lambda label: probes[label].after.mean)
    found = probes[best]
    if found.after.low <= found.before:
        return f"{name}: no plan taught the encoder more than it knew"
    return (
        f"{name}: the encoder knows most after {best}, {found.before:.2f} → {found.after.mean:.2f}"
    )


def probe_words(found: Probe) -> str:
    """What became of what the encoder knew: unchanged, unclear over the seeds, or by how much."""
    change = found.after.mean - found.before
    if found.after.low == found.after.high == found.before:
        return "exactly as before"
    if found.after.low <= found.before <= found.after.high:
        return "within the seeds' range"
    return f"{abs(change):.3f} {'lost' if change < 0 else 'gained'}"


def convergence_title(told: Mapping[str, Mapping[str, Convergence]]) -> str:
    """How many plans would still have gained from more training; `told` by plan and trained
    task."""
    trends = {label: {each.trend for each in found.values()} for label, found in told.items()}
    known = [label for label, found in trends.items() if found - {Trend.OPEN}]
    if not known:
        return "Too few evaluations to say whether a plan converged"
    falling = [label for label in known if Trend.FALLING in trends[label]]
    if len(falling) == len(known):
        return "No plan had converged on every task: longer runs may change the order"
    if falling:
        some = ", ".join(falling[:3]) + (" and others" if len(falling) > 3 else "")
        them = "it" if len(falling) == 1 else "them"
        return f"Not yet converged: {some}. A longer run may move {them} up"
    past = sum(Trend.OVERFITTING in trends[label] for label in known)
    if past:
        return f"No loss still falls; {past} of {len(known)} overfit on some task"
    return "Every plan converged on every task"
