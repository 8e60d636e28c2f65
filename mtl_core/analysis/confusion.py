"""What was answered for what: a matrix of counts, summed over the seeds of a plan."""

from collections.abc import Iterable
from dataclasses import dataclass

from mtl_core.analysis.marks import GoldLabels, end_answers, said_labels
from mtl_core.analysis.plans import PlanResult
from mtl_core.tasks.dataset import Label
from mtl_core.tasks.schemes import entity_type
from mtl_core.tasks.scoring import scored_spans
from mtl_core.tasks.task import Task, TaskKind

NO_ENTITY = "no entity"
"""As a row: what was invented. As a column: what was missed."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """`counts[i][j]`: how often label i was answered as j, in the answers of `seeds` runs.

    For a token task the labels are entity types and NO_ENTITY. An entity is answered as the type
    said of exactly its words, and missed where nothing was said of exactly them.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    seeds: int


def confusion(plan: PlanResult, task: Task, gold: GoldLabels) -> Confusion | None:
    """The plan's finished runs on one task; None where none of them told its answers."""
    pairs: list[tuple[str, str]] = []
    seeds = 0
    for run in plan.runs.values():
        told = end_answers(run) if run.finished else None
        said = said_labels(told, task, gold) if told else None
        if said is not None:
            seeds += 1
            right = gold[task.name]
            for place, label in said.items():
                pairs.extend(_pairs(right[place], label, task))
    if not seeds:
        return None
    labels = _labels(task)
    row = {label: number for number, label in enumerate(labels)}
    counts = [[0] * len(labels) for _ in labels]
    for true, answered in pairs:
        counts[row[true]][row[answered]] += 1
    return Confusion(labels, tuple(tuple(each) for each in counts), seeds)


def _labels(task: Task) -> tuple[str, ...]:
    if task.kind is TaskKind.SENTENCE:
        return task.outputs
    types = dict.fromkeys(kind for tag in task.outputs if (kind := entity_type(tag)) is not None)
    return (*types, NO_ENTITY)


def _pairs(true: Label, said: Label, task: Task) -> Iterable[tuple[str, str]]:
    if isinstance(true, str) or isinstance(said, str):
        return [(str(true), str(said))]
    there = {(span.start, span.end): span.type for span in scored_spans(true, task.outputs)}
    found = {(span.start, span.end): span.type for span in scored_spans(said, task.outputs)}
    return [
        (there.get(words, NO_ENTITY), found.get(words, NO_ENTITY))
        for words in dict.fromkeys([*there, *found])
    ]
