"""Confusion matrices of plans, and the sentences that two plans label differently."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from mtl_core.analysis.errors import (
    NO_ENTITY,
    Confusion,
    LabelDifference,
    confusion,
    label_differences,
)
from mtl_core.analysis.marks import GoldLabels
from mtl_core.analysis.plans import PlanResult, finished_runs
from mtl_core.analysis.summary import RunSummary
from mtl_core.charts.confusion import confusion_figure
from mtl_core.charts.theme import LIGHT, Figure, Palette
from mtl_core.freezing.titles import task_title
from mtl_core.report.blocks import Block, Text, figures, table_of
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.data_words import size_words
from mtl_core.report.load import Report
from mtl_core.report.panel import Panel, draw_panel, file_stem
from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.example import Example, Label
from mtl_core.tasks.schemes import OUTSIDE
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.text import counted, verb, visible

CHANGE_SIGNS = {(True, False): "✓ → ✕", (False, True): "✕ → ✓", (False, False): "✕ → ✕"}
"""Sign of a change by (first plan correct, second plan correct)."""

_SENTENCES_IN_NOTE = 5  # per task; the bundle's CSV has all
_CONFUSION_WIDTH = 560  # pixels
_SIGNS_CAPTION = (
    "✓ → ✕: lost, the first plan is correct and the second is wrong; ✕ → ✓: gained; ✕ → ✕: both "
    "wrong. tables/changed-answers.csv in the bundle lists every sentence that any two plans "
    "label differently, for each seed."
)


@dataclass(frozen=True, slots=True)
class ChangedBetween:
    """The sentences of one task that two plans label differently.

    `first` and `second` are the plans' labels, `first_run` and `second_run` the runs compared:
    those with the lowest seed for which both plans have predictions.
    """

    first: str
    second: str
    first_run: RunSummary
    second_run: RunSummary
    sentences: tuple[LabelDifference, ...]

    @property
    def title(self) -> str:
        """The number of sentences: `full labels 7 sentences differently`."""
        if not self.sentences:
            return f"{self.first} and {self.second} label every sentence the same"
        sentences = counted(len(self.sentences), "sentence")
        return f"{self.second} {verb(self.second, 'labels', 'label')} {sentences} differently"

    @property
    def caption(self) -> str:
        """The two runs, and the number of sentences that the second gained and lost."""
        lost = sum(each.first_correct for each in self.sentences)
        gained = sum(each.second_correct for each in self.sentences)
        return (
            f"From {self.first}, seed {self.first_run.spec.seed}, to {self.second}, seed "
            f"{self.second_run.spec.seed}: {gained} gained, {lost} lost."
        )


def blocks(report: Report) -> Iterator[Block]:
    """The note's section, on the first and the last plan, which Compare also shows first.

    Empty if no run stored its predictions or its data cannot be read.
    """
    shown = report.compared
    plans = plans_with_predictions(shown)
    data = report.sentences if plans else None
    if data is None:
        return
    dataset, gold = data
    if shown.by_size:
        yield Text(f"Only runs with {size_words(shown.by_size[-1].size)} are included.")
    ends = (plans[0], plans[-1]) if len(plans) > 1 else (plans[0],)
    panels = [
        panel
        for task in shown.plans.tasks
        for plan in ends
        if (panel := confusion_panel(shown, task, plan, gold)) is not None
    ]
    yield from figures([draw_panel(panel, _CONFUSION_WIDTH) for panel in panels])
    if len(ends) == 2:
        yield from _changed_blocks(shown.plans.tasks, ends, dataset, gold)


def plans_with_predictions(shown: ComparedRuns) -> list[PlanResult]:
    """The plans with a finished run that stored its predictions.

    Empty if the plans were evaluated on different sentences.
    """
    if not shown.plans.same_sentences:
        return []
    return [plan for plan in shown.plans.plans if runs_with_predictions(plan)]


def runs_with_predictions(plan: PlanResult) -> dict[int, RunSummary]:
    """The plan's finished runs that stored their predictions, by seed."""
    return {seed: run for seed, run in finished_runs(plan).items() if run.answers}


def confusion_panel(
    shown: ComparedRuns, task: Task, plan: PlanResult, gold: GoldLabels
) -> Panel | None:
    """The plan's confusion matrix, summed over seeds; None without predictions for the task."""
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
        title=f"{plan.label}, {_most_frequent_error(found)}",
        caption=_confusion_caption(found, task),
        draw=draw,
        task=number,
    )


def changed_between(
    task: Task, first: PlanResult, second: PlanResult, gold: GoldLabels
) -> ChangedBetween | None:
    """Compares the predictions of two plans on `task`; None if a plan has no predictions for it."""
    first_runs, second_runs = runs_with_predictions(first), runs_with_predictions(second)
    if not first_runs or not second_runs:
        return None
    seeds = [seed for seed in first_runs if seed in second_runs]
    first_run = first_runs[seeds[0] if seeds else min(first_runs)]
    second_run = second_runs[seeds[0] if seeds else min(second_runs)]
    found = label_differences(first_run, second_run, task, gold)
    if found is None:
        return None
    return ChangedBetween(first.label, second.label, first_run, second_run, found)


def changed_row(
    changed: LabelDifference, between: ChangedBetween, dataset: Dataset
) -> dict[str, str]:
    """A sentence as a table row: change, text, correct label, the label of each plan."""
    example = dataset.splits[changed.split][changed.position]
    return {
        "Change": CHANGE_SIGNS.get((changed.first_correct, changed.second_correct), ""),
        "Sentence": sentence_text(example),
        "Correct label": label_text(changed.correct, example),
        between.first: label_text(changed.first, example),
        between.second: label_text(changed.second, example),
    }


def some_of_each(changed: Sequence[LabelDifference], limit: int) -> list[LabelDifference]:
    """Selects up to `limit` sentences, alternating lost, won and both wrong; keeps their order."""
    kinds: dict[tuple[bool, bool], list[LabelDifference]] = {}
    for each in changed:
        kinds.setdefault((each.first_correct, each.second_correct), []).append(each)
    taken = [each for each in chain(*zip_longest(*kinds.values())) if each is not None][:limit]
    return [each for each in changed if each in taken]


def sentence_text(example: Example) -> str:
    """The text of an example; for a token task its words joined by spaces."""
    return visible(example.text if example.text is not None else " ".join(example.words or ()))


def label_text(label: Label, example: Example) -> str:
    """The label of a sentence task, or the tagged words of a token task: `Anna B-PER`."""
    if isinstance(label, str):
        return label
    words = example.words or ()
    tagged = zip(words, label, strict=True)
    return ", ".join(f"{word} {tag}" for word, tag in tagged if tag != OUTSIDE) or NO_ENTITY


def _most_frequent_error(found: Confusion) -> str:
    """`negative predicted as positive 12 times`."""
    errors = [
        (count, found.labels[true], found.labels[predicted])
        for true, row in enumerate(found.counts)
        for predicted, count in enumerate(row)
        if true != predicted and count
    ]
    if not errors:
        return "no errors"
    count, true, predicted = max(errors)
    return f"{true} predicted as {predicted} {count:,} times"


def _confusion_caption(found: Confusion, task: Task) -> str:
    over = f"Sum over {found.seeds} seeds" if found.seeds > 1 else "One seed"
    exact = "" if task.kind is TaskKind.SENTENCE else " Entities match on their exact words."
    return f"{over}. Correct predictions in colour.{exact}"


def _changed_blocks(
    tasks: Sequence[Task],
    plans: tuple[PlanResult, PlanResult],
    dataset: Dataset,
    gold: GoldLabels,
) -> Iterator[Block]:
    any_changed = False
    for task in tasks:
        between = changed_between(task, *plans, gold)
        if between is None:
            continue
        any_changed = any_changed or bool(between.sentences)
        some = some_of_each(between.sentences, _SENTENCES_IN_NOTE)
        of_these = f" {len(some)} of them:" if len(some) < len(between.sentences) else ""
        yield Text(f"{task_title(task.name)}: {between.title}. {between.caption}{of_these}")
        if some:
            left = ("Change", "Sentence", "Correct label", between.first, between.second)
            yield table_of([changed_row(each, between, dataset) for each in some], left=left)
    if any_changed:
        yield Text(_SIGNS_CAPTION)
