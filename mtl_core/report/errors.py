"""Errors to read: what a plan answers for what, and the sentences on which two plans differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from mtl_core.analysis.changed import Changed, changed_answers
from mtl_core.analysis.confusion import confusion
from mtl_core.analysis.grouped import PlanResult
from mtl_core.analysis.grouping import finished_runs
from mtl_core.analysis.marks import GoldLabels
from mtl_core.analysis.summary import RunSummary
from mtl_core.charts.confusion import confusion_figure
from mtl_core.charts.loss import Figure
from mtl_core.charts.theme import LIGHT, Palette
from mtl_core.freezing.titles import task_title
from mtl_core.report.compared import Compared
from mtl_core.report.error_words import (
    CHANGE_SIGNS,
    changed_caption,
    changed_title,
    confusion_caption,
    confusion_words,
    label_words,
    sentence_words,
)
from mtl_core.report.panel import Panel, file_stem
from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.task import Task


@dataclass(frozen=True, slots=True)
class ChangedBetween:
    """What two plans answer differently on one task: `found` are the sentences, `one` and `other`
    the runs, of the lowest seed of which both told their answers."""

    first: str
    second: str
    one: RunSummary
    other: RunSummary
    found: tuple[Changed, ...]

    @property
    def title(self) -> str:
        """How many sentences these are."""
        return changed_title(self.second, self.found)

    @property
    def caption(self) -> str:
        """Which two runs, and how many sentences were won and lost."""
        seeds = self.one.spec.seed, self.other.spec.seed
        return changed_caption(self.first, self.second, seeds, self.found)


def plans_to_read(shown: Compared) -> list[PlanResult]:
    """The plans with a finished run that told its answers; none where the plans answered different
    sentences."""
    if not shown.plans.same_questions:
        return []
    return [plan for plan in shown.plans.plans if runs_to_read(plan)]


def runs_to_read(plan: PlanResult) -> dict[int, RunSummary]:
    """The plan's finished runs that told their answers, by seed."""
    return {seed: run for seed, run in finished_runs(plan).items() if run.answers}


def confusion_panel(
    shown: Compared, task: Task, plan: PlanResult, gold: GoldLabels
) -> Panel | None:
    """What the plan answers for what, over its seeds; None where it told nothing on the task."""
    found = confusion(plan, task, gold)
    if found is None:
        return None
    number = [each.name for each in shown.plans.tasks].index(task.name)
    place = [each.label for each in shown.plans.plans].index(plan.label)

    def draw(colors: Palette) -> Figure:
        return confusion_figure(found.labels, found.counts, colors.task(number), colors)

    return Panel(
        name=f"confusion-{number + 1}-{file_stem(task.name)}-{place + 1}-{file_stem(plan.label)}",
        lead=f"{LIGHT.task(number).letter} · {task_title(task.name)}:",
        title=f"{plan.label}, {confusion_words(found)}",
        caption=confusion_caption(found, task),
        draw=draw,
        task=number,
    )


def changed_between(
    task: Task, first: PlanResult, second: PlanResult, gold: GoldLabels
) -> ChangedBetween | None:
    """The sentences of `task` that the two plans answer differently; None where one of the two
    told no answers to it."""
    ones, others = runs_to_read(first), runs_to_read(second)
    seeds = [seed for seed in ones if seed in others]
    if not ones or not others:
        return None
    one, other = ones[seeds[0] if seeds else min(ones)], others[seeds[0] if seeds else min(others)]
    found = changed_answers(one, other, task, gold)
    return None if found is None else ChangedBetween(first.label, second.label, one, other, found)


def changed_row(each: Changed, told: ChangedBetween, dataset: Dataset) -> dict[str, str]:
    """One sentence: its change as signs, what it says, what is right, what each plan answers."""
    example = dataset.validation[each.place]
    return {
        "Change": CHANGE_SIGNS.get((each.first_right, each.second_right), ""),
        "Sentence": sentence_words(example),
        "In the data": label_words(each.right, example),
        told.first: label_words(each.first, example),
        told.second: label_words(each.second, example),
    }


def some_of_each(found: Sequence[Changed], most: int) -> list[Changed]:
    """At most so many of the sentences, lost, won and both wrong in turn, in their own order."""
    kinds: dict[tuple[bool, bool], list[Changed]] = {}
    for each in found:
        kinds.setdefault((each.first_right, each.second_right), []).append(each)
    taken = [each for each in chain(*zip_longest(*kinds.values())) if each is not None][:most]
    return [each for each in found if each in taken]
