"""What became of tasks that were not trained, and of other data, said in sentences."""

from collections.abc import Sequence

from mtl_core.analysis.forgetting import Change, Elsewhere, Forgetting, Outcome
from mtl_core.analysis.trained import LeftOut
from mtl_core.freezing.titles import task_title
from mtl_core.report.data_words import within

FORGOTTEN_CAPTION = (
    "Before training and at the end, means over the seeds; by seed: the lowest and the "
    "highest change; 95 %: where the change lies but for chance, by a paired test over seeds and "
    "sentences. Loss is the validation cross-entropy: above 0 is worse."
)
ELSEWHERE_CAPTION = (
    "No plan learned from these sentences. At home: the score at the end on the "
    "validation sentences of the plan's own data."
)


def outcome_words(found: Forgetting) -> str:
    """`exactly as before`, `within noise`, `0.367 lost`."""
    if found.outcome in (Outcome.EXACT, Outcome.UNCLEAR):
        return found.outcome.value
    return f"{abs(found.metric.mean):.3f} {found.outcome.value}"


def forgetting_sentence(found: Forgetting) -> str:
    """What became of the task under the plan, and why."""
    name, metric = task_title(found.task.name), found.task.metric
    match found.outcome:
        case Outcome.EXACT:
            return f"{found.plan}: {name} is exactly as before{_reason(found)}"
        case Outcome.UNCLEAR:
            return (
                f"{found.plan}: {name} went from {found.metric.before:.3f} to "
                f"{found.metric.after:.3f} in {metric}{_by_seed(found.metric)}: {_unclear(found)}"
            )
        case outcome:
            return (
                f"{found.plan}: {name} {outcome.value} {abs(found.metric.mean):.3f} of {metric}"
                f"{_by_seed(found.metric)}{_reason(found)}"
            )


def forgetting_title(name: str, found: Sequence[Forgetting]) -> str:
    """What became of a task that was left out: the plan under which it changed most."""
    clear = [each for each in found if each.is_clear]
    if clear:
        most = max(clear, key=lambda each: abs(each.metric.mean))
        return f"{name} left out: {outcome_words(most)} with {most.plan}"
    if all(each.outcome is Outcome.EXACT for each in found):
        return f"{name} left out: its score held"
    return f"{name} left out: no change beyond noise"


def elsewhere_title(data: str, found: Sequence[Elsewhere]) -> str:
    """How much of each task's score carries over to the other data, with the plan of most."""
    tasks = dict.fromkeys(each.task for each in found)
    said = []
    for task in tasks:
        best = max(
            (each for each in found if each.task == task), key=lambda each: each.metric.after
        )
        said.append(
            f"{within(task.name)} {best.metric.after:.2f} at best, with {best.plan} "
            f"({best.at_home:.2f} at home)"
        )
    return f"On {data}: {'; '.join(said)}"


def _by_seed(change: Change) -> str:
    if change.seeds < 2:
        return " (one seed)"
    if change.low < 0 < change.high:
        return f" (by seed −{-change.low:.3f} to +{change.high:.3f})"
    least, most = sorted((abs(change.low), abs(change.high)))
    return f" ({least:.3f} to {most:.3f} by seed)"


def _unclear(found: Forgetting) -> str:
    """Why no change is told."""
    if found.tested is None:
        return "not with every seed in the same direction."
    over = "seeds and sentences" if found.tested.sentences else "seeds"
    return f"it may be chance, by a paired test over {over}."


def _reason(found: Forgetting) -> str:
    """The end of the sentence: what was frozen, and what moved all the same."""
    if found.encoder_moved is None:
        return f": {found.why.value}."
    if not found.encoder_moved:
        return f": {found.why.value}, and the encoder did not move."
    if found.still_taught:
        return f": {found.why.value}, but its loss still taught the encoder."
    if found.outcome is Outcome.LOST and found.why is LeftOut.FROZEN_HEAD:
        return ", though its head was frozen: the encoder moved under it."
    return f": {found.why.value}, and the encoder moved on without it."
