"""The note's errors to read: what plans answer for what, and sentences on which two differ."""

from collections.abc import Iterator

from mtl_core.freezing.titles import task_title
from mtl_core.report.blocks import Block, Text, figures, table_of
from mtl_core.report.drawings import drawn
from mtl_core.report.errors import (
    changed_between,
    changed_row,
    confusion_panel,
    plans_to_read,
    some_of_each,
)
from mtl_core.report.material import Material
from mtl_core.report.size_words import size_words

_SENTENCES = 5  # of each task, to be read; all are in the bundle's CSV
_WIDTH = 560
_SIGNS = (
    "✓ → ✕: lost, right by the first plan and wrong by the second; ✕ → ✓: won; ✕ → ✕: both wrong. "
    "Every sentence that any two plans answer differently, under each seed: "
    "tables/changed-answers.csv in the bundle."
)


def errors(material: Material) -> Iterator[Block]:
    """Of the first plan and the last, as Compare shows them first; nothing where no run told its
    answers, or the data they were given on are not here."""
    shown = material.compared
    plans = plans_to_read(shown)
    sentences = material.sentences if plans else None
    if sentences is None:
        return
    dataset, gold = sentences
    if shown.by_size:
        yield Text(f"Of the runs with {size_words(shown.by_size[-1].size)}.")
    ends = (plans[0], plans[-1]) if len(plans) > 1 else (plans[0],)
    panels = [
        panel
        for task in shown.plans.tasks
        for plan in ends
        if (panel := confusion_panel(shown, task, plan, gold)) is not None
    ]
    yield from figures([drawn(panel, _WIDTH) for panel in panels])
    if len(ends) < 2:
        return
    found = [changed_between(task, *ends, gold) for task in shown.plans.tasks]
    told = [(task, each) for task, each in zip(shown.plans.tasks, found, strict=True) if each]
    for task, between in told:
        some = some_of_each(between.found, _SENTENCES)
        of_these = f" {len(some)} of them:" if len(some) < len(between.found) else ""
        yield Text(f"{task_title(task.name)}: {between.title}. {between.caption}{of_these}")
        if some:
            left = ("Change", "Sentence", "In the data", between.first, between.second)
            yield table_of([changed_row(each, between, dataset) for each in some], left=left)
    if any(between.found for _, between in told):
        yield Text(_SIGNS)
