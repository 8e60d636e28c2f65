"""Errors in words: the most frequent one of a plan, and how two runs' answers differ."""

from collections.abc import Sequence

from mtl_core.analysis.changed import Changed
from mtl_core.analysis.confusion import NO_ENTITY, Confusion
from mtl_core.analysis.words import verb
from mtl_core.tasks.dataset import Example, Label
from mtl_core.tasks.schemes import OUTSIDE
from mtl_core.tasks.task import Task, TaskKind

CHANGE_SIGNS = {(True, False): "✓ → ✕", (False, True): "✕ → ✓", (False, False): "✕ → ✕"}
"""By whether the first run has a sentence right, and the second."""


def confusion_words(found: Confusion) -> str:
    """The most frequent error: "negative answered as positive 12 times"."""
    errors = [
        (count, found.labels[true], found.labels[said])
        for true, row in enumerate(found.counts)
        for said, count in enumerate(row)
        if true != said and count
    ]
    if not errors:
        return "no error"
    count, true, said = max(errors)
    return f"{true} answered as {said} {count:,} times"


def confusion_caption(found: Confusion, task: Task) -> str:
    """How the counts are to be read."""
    over = f"Sum over {found.seeds} seeds" if found.seeds > 1 else "One seed"
    exact = "" if task.kind is TaskKind.SENTENCE else " An entity counts where its words are exact."
    return f"{over}. Right answers in colour.{exact}"


def changed_title(second: str, found: Sequence[Changed]) -> str:
    """On how many sentences the second plan says something else than the first."""
    sentences = "1 sentence" if len(found) == 1 else f"{len(found):,} sentences"
    return f"{second} {verb(second, 'answers', 'answer')} {sentences} differently"


def changed_caption(
    first: str, second: str, seeds: tuple[int, int], found: Sequence[Changed]
) -> str:
    """Which two runs these are, and how many sentences the second won and lost."""
    lost = sum(each.first_right for each in found)
    won = sum(each.second_right for each in found)
    return f"From {first}, seed {seeds[0]}, to {second}, seed {seeds[1]}: {won} won, {lost} lost."


def sentence_words(example: Example) -> str:
    """The sentence of an example as it is read."""
    return example.text if example.text is not None else " ".join(example.words or ())


def label_words(label: Label, example: Example) -> str:
    """A sentence's label, or its entities with their words."""
    if isinstance(label, str):
        return label
    words = example.words or ()
    tagged = zip(words, label, strict=True)
    return ", ".join(f"{word} {tag}" for word, tag in tagged if tag != OUTSIDE) or NO_ENTITY
