"""Describes the trainable parts of a phase in words."""

from collections.abc import Sequence

from mtl_core.freezing.table import Group, ParameterTable, State
from mtl_core.models.description import Role
from mtl_core.text import listed


def learning_words(table: ParameterTable) -> str:
    """Lists what a phase trains: "heads and layer 11", "layers 4 and 5", "everything"."""
    learning = [group for group in table.groups if group.totals.trainable]
    if not learning:
        return "nothing"
    if not table.tensors[State.FROZEN]:
        return "everything"
    if any(group.totals.frozen for group in learning):
        return f"parts of {len(learning)} blocks"
    by_role = {role: [g for g in learning if g.role is role] for role in Role}
    parts = [
        *_heads(by_role[Role.HEAD], table),
        *_layers(by_role[Role.LAYER], table),
        *(group.name for role in (Role.POOLER, Role.BESIDE) for group in by_role[role]),
        *(["the embeddings"] if by_role[Role.EMBEDDINGS] else []),
    ]
    return listed(parts)


def _heads(learning: Sequence[Group], table: ParameterTable) -> list[str]:
    every = [group for group in table.groups if group.role is Role.HEAD]
    if len(learning) == len(every):
        return ["heads"] if len(every) > 1 else ["the head"]
    return [f"the {group.name} head" for group in learning]


def _layers(learning: Sequence[Group], table: ParameterTable) -> list[str]:
    every = [group for group in table.groups if group.role is Role.LAYER]
    names = [group.name for group in learning]
    if len(names) < 2:
        return names
    if len(names) == len(every):
        return ["all layers"]
    numbers = sorted(int(name.removeprefix("layer ")) for name in names)
    if numbers[-1] - numbers[0] + 1 == len(numbers):
        joint = "and" if len(numbers) == 2 else "to"
        return [f"layers {numbers[0]} {joint} {numbers[-1]}"]
    return [f"layers {', '.join(str(number) for number in numbers)}"]
