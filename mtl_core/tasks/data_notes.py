"""Notes about a data set: how it was read, and what makes its scores doubtful."""

from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.repeated import nearly_repeated_words, repeated_words


def data_notes(dataset: Dataset) -> tuple[str, ...]:
    """One sentence for each fact, those about doubtful scores first."""
    notes = []
    for task, count in dataset.repeated_sentences().items():
        notes.append(f"{task}: {repeated_words(count)}, so its scores may be too high.")
    for task, count in dataset.nearly_repeated_sentences().items():
        notes.append(f"{task}: {nearly_repeated_words(count)}, so its scores may be too high.")
    for task, count in dataset.repaired_tags.items():
        if count:
            notes.append(f"{count} tags of {task} began an entity with I- and were read as B-.")
    for reading in dataset.readings.values():
        notes += [f"{reading.task}: {note}" for note in reading.notes_once]
    notes += [reading.line for reading in dataset.readings.values()]
    return tuple(notes)
