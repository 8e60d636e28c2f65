"""The sentences that two runs label differently."""

from dataclasses import dataclass

from mtl_core.analysis.marks import GoldLabels, end_answers, said_labels
from mtl_core.analysis.summary import RunSummary
from mtl_core.tasks.dataset import Label
from mtl_core.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Changed:
    """A sentence by its place in the validation split: what is right, and what each run said."""

    place: int
    right: Label
    first: Label
    second: Label

    @property
    def first_right(self) -> bool:
        """Whether the first run has the sentence right, every word of it."""
        return self.first == self.right

    @property
    def second_right(self) -> bool:
        """Whether the second run has the sentence right, every word of it."""
        return self.second == self.right


def changed_answers(
    first: RunSummary, second: RunSummary, task: Task, gold: GoldLabels
) -> tuple[Changed, ...] | None:
    """Of the sentences that both runs answered; None where one of them told nothing.

    First those that the second run lost, then those it won, then those both have wrong, each in
    the order of the split.
    """
    told = [end_answers(run) for run in (first, second)]
    said = [said_labels(each, task, gold) if each else None for each in told]
    one, other = said
    if one is None or other is None:
        return None
    found = [
        Changed(place, gold[task.name][place], one[place], other[place])
        for place in one
        if place in other and one[place] != other[place]
    ]
    return tuple(sorted(found, key=lambda each: (not each.first_right, not each.second_right)))
