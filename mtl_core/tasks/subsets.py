"""Selects some of the training examples of a task."""

import hashlib
from collections.abc import Mapping, Sequence

from mtl_core.errors import DataError
from mtl_core.nearest import available_names, quoted
from mtl_core.tasks.schemes import OUTSIDE
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.text import shortened


def check_limits(limits: Mapping[str, int], available: Mapping[str, int]) -> None:
    """Raises DataError for an unknown task and for a number out of range."""
    for name, number in limits.items():
        if name not in available:
            exists = available_names(name, list(available), "Tasks")
            raise DataError(f"There is no task '{shortened(name)}' to limit. {exists}")
        if not 1 <= number <= available[name]:
            raise DataError(
                f"{number:,} training examples of '{name}' were requested. "
                f"It has {available[name]:,}: choose 1 to {available[name]:,}."
            )


def nested_subset(
    task: Task, labels: Sequence[str | tuple[str, ...]], number: int, draw: int | None
) -> frozenset[int]:
    """Select the positions of `number` examples with these labels.

    The order of selection is fixed by a hash of `draw` and the position: smaller selections are
    subsets of larger ones, and a file sorted by class gives a balanced selection. One example of
    each class, or one sentence with an entity, comes first. Raises DataError for fewer examples
    than classes.
    """
    if task.kind is TaskKind.SENTENCE and number < len(task.outputs):
        raise DataError(
            f"{number:,} training examples of '{task.name}' cannot cover its "
            f"{len(task.outputs)} classes ({quoted(task.outputs)}). "
            f"Choose at least {len(task.outputs)}."
        )
    shuffled = sorted(range(len(labels)), key=lambda place: _hash(place, draw))
    first: dict[str, int] = {}
    for place in shuffled:
        label = labels[place]
        if isinstance(label, str):
            first.setdefault(label, place)
        elif any(tag != OUTSIDE for tag in label):
            first.setdefault("entity", place)
    order = dict.fromkeys((*first.values(), *shuffled))
    return frozenset(list(order)[:number])


def _hash(place: int, draw: int | None) -> bytes:
    name = str(place) if draw is None else f"{draw}:{place}"
    return hashlib.sha256(name.encode()).digest()
