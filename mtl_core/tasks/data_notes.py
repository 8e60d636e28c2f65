"""Notes about a data set: how it was read, and what makes its scores doubtful."""

from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.repeated import nearly_repeated_words, repeated_words
from mtl_core.tasks.schemes import OUTSIDE
from mtl_core.tasks.task import TaskKind
from mtl_core.text import listed


def data_notes(dataset: Dataset) -> tuple[str, ...]:
    """One sentence for each fact, those about doubtful scores first."""
    notes = [*repeated_notes(dataset)]
    for task, count in dataset.repaired_tags.items():
        if count:
            notes.append(f"{count} tags of {task} began an entity with I- and were read as B-.")
    for task, splits in _without_entities(dataset).items():
        notes.append(
            f"{task}: every tag in the {listed(splits)} data is O, so entity F1 is undefined there "
            "and is shown as undefined, not as 0. Check the column of the tags if it has entities."
        )
    for reading in dataset.readings.values():
        notes += [f"{reading.task}: {note}" for note in reading.notes_once]
    notes += [reading.line for reading in dataset.readings.values()]
    return tuple(notes)


def repeated_notes(dataset: Dataset) -> tuple[str, ...]:
    """One sentence for each task with evaluated sentences that an earlier split contains too."""
    exactly = dataset.repeated_sentences().items()
    nearly = dataset.nearly_repeated_sentences().items()
    found = [(task, repeated_words(count)) for task, count in exactly]
    found += [(task, nearly_repeated_words(count)) for task, count in nearly]
    return tuple(f"{task}: {words}, so its scores may be too high." for task, words in found)


def _without_entities(dataset: Dataset) -> dict[str, list[str]]:
    """By token task, its evaluated splits without any entity; only tasks that have one."""
    found: dict[str, list[str]] = {}
    for task in dataset.tasks:
        for split in ("validation", "test"):
            tags = [
                tag
                for example in dataset.splits.get(split, ())
                for tag in example.labels.get(task.name, ())
            ]
            if task.kind is TaskKind.TOKEN and tags and set(tags) == {OUTSIDE}:
                found.setdefault(task.name, []).append(split)
    return found
