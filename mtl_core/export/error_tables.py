"""Confusion counts and changed predictions as CSV tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mtl_core.analysis.confusion import confusion
from mtl_core.analysis.marks import GoldLabels, end_answers, said_labels
from mtl_core.analysis.plans import PlanResult
from mtl_core.export.csv_text import Cell, csv_text
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.errors import label_text, plans_with_predictions, sentence_text
from mtl_core.report.load import Report
from mtl_core.tasks.dataset import Dataset, Label
from mtl_core.tasks.task import Task

Said = Mapping[str, Mapping[int, Label]]
"""By plan: what its run said of each sentence, by the sentence's place in the split."""


def error_tables(report: Report) -> Iterator[tuple[str, str]]:
    """Name and content of each file; none where no run told its answers, or the data they were
    given on are not here. Of several numbers of training sentences they are about the largest, and
    a first column says which."""
    shown = report.compared
    plans = plans_with_predictions(shown)
    sentences = report.sentences if plans else None
    if sentences is None:
        return
    dataset, gold = sentences
    counted = ("plan", "task", "in_data", "answered", "count", "seeds")
    yield "confusion.csv", _table(shown, counted, _confusions(shown, plans, gold))
    if len(plans) > 1:
        names = [plan.label for plan in plans]
        columns = ("task", "seed", "sentence_number", "sentence", "in_data", *names)
        yield "changed-answers.csv", _table(shown, columns, _changed(shown, plans, dataset, gold))


def _table(shown: ComparedRuns, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    if not shown.by_size:
        return csv_text(columns, rows)
    size = shown.by_size[-1].size or "all"
    return csv_text(("training_sentences", *columns), ((size, *row) for row in rows))


def _confusions(
    shown: ComparedRuns, plans: list[PlanResult], gold: GoldLabels
) -> Iterator[tuple[Cell, ...]]:
    """Every count of every plan and task, over the plan's seeds; zeros are left out."""
    for plan in plans:
        for task in shown.plans.tasks:
            found = confusion(plan, task, gold)
            if found is None:
                continue
            for label, row in zip(found.labels, found.counts, strict=True):
                for answer, count in zip(found.labels, row, strict=True):
                    if count:
                        yield plan.label, task.name, label, answer, count, found.seeds


def _changed(
    shown: ComparedRuns, plans: list[PlanResult], dataset: Dataset, gold: GoldLabels
) -> Iterator[list[Cell]]:
    """A row for each task, seed and sentence that the plans' runs of that seed do not all answer
    alike; an empty cell where a plan has no run of that seed."""
    for task in shown.plans.tasks:
        for seed in shown.plans.seeds:
            said = _said(plans, seed, task, gold)
            for place in sorted({place for each in said.values() for place in each}):
                answers = [each.get(place) for each in said.values()]
                if len({each for each in answers if each is not None}) > 1:
                    example = dataset.validation[place]
                    yield [
                        *(task.name, seed, place + 1, sentence_text(example)),
                        label_text(gold[task.name][place], example),
                        *(None if each is None else label_text(each, example) for each in answers),
                    ]


def _said(plans: list[PlanResult], seed: int, task: Task, gold: GoldLabels) -> Said:
    said = {}
    for plan in plans:
        run = plan.runs.get(seed)
        told = end_answers(run) if run is not None and run.finished is not None else None
        said[plan.label] = (said_labels(told, task, gold) if told else None) or {}
    return said
