"""Fewer training examples of one task, chosen so that smaller choices lie within larger ones."""

import hashlib
from collections.abc import Mapping, Sequence

from mtl_core.errors import DataError
from mtl_core.nearest import available_names, quoted
from mtl_core.tasks.schemes import OUTSIDE
from mtl_core.tasks.task import Task, TaskKind


def check_numbers(asked: Mapping[str, int], available: Mapping[str, int]) -> None:
    """Raise DataError for a task that does not exist and for a number that cannot be had."""
    for name, number in asked.items():
        if name not in available:
            exists = available_names(name, list(available), "Tasks")
            raise DataError(f"Examples are asked for of '{name[:60]}', which is no task. {exists}")
        if not 1 <= number <= available[name]:
            raise DataError(
                f"{number:,} training examples are asked for of '{name}'. "
                f"It has {available[name]:,}: ask for 1 to {available[name]:,}."
            )


def nested_subset(
    task: Task, labels: Sequence[str | tuple[str, ...]], number: int
) -> frozenset[int]:
    """Places of `number` of the examples with these labels.

    The order in which examples are taken is fixed by a hash of their place, so 50 lie within 100
    and a file sorted by class gives no lopsided choice. One of each class of a sentence task, or
    one sentence with an entity, is taken first. Raises DataError for fewer examples than classes.
    """
    if task.kind is TaskKind.SENTENCE and number < len(task.outputs):
        raise DataError(
            f"{number:,} training examples of '{task.name}' cannot cover its "
            f"{len(task.outputs)} classes ({quoted(task.outputs)}). "
            f"Ask for at least {len(task.outputs)}."
        )
    shuffled = sorted(range(len(labels)), key=_hash)
    first: dict[str, int] = {}
    for place in shuffled:
        label = labels[place]
        if isinstance(label, str):
            first.setdefault(label, place)
        elif any(tag != OUTSIDE for tag in label):
            first.setdefault("entity", place)
    order = dict.fromkeys((*first.values(), *shuffled))
    return frozenset(list(order)[:number])


def _hash(place: int) -> bytes:
    return hashlib.sha256(str(place).encode()).digest()
