"""An overview of a data set by task: counts, labels, lengths and examples."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.example import Example
from mtl_core.tasks.lengths import Counter as LengthCounter
from mtl_core.tasks.lengths import Lengths
from mtl_core.tasks.readings import Reading
from mtl_core.tasks.schemes import OUTSIDE, Span, entity_type, spans
from mtl_core.tasks.task import Task, TaskKind

_SHOWN = 4
_NUMBER_BYTES, _WORD_BYTES = 36, 120


@dataclass(frozen=True, slots=True)
class Shown:
    """An example to display: its text and label, or its words and entities."""

    text: str
    words: tuple[str, ...] = ()
    entities: tuple[Span, ...] = ()
    label: str | None = None


@dataclass(frozen=True)
class TaskOverview:
    """The data of one task.

    `labels` counts, by split, the examples of each class or the entities of each type; the names
    are the same in all splits, most frequent first. `words_inside` and `words` count the tagged
    words of all splits. `lengths` are by split. `reading` is how the files were read, None for data
    that were not read from files.
    """

    task: Task
    examples: Mapping[str, int]
    labels: Mapping[str, Mapping[str, int]]
    words_inside: int
    words: int
    repaired_tags: int
    lengths: Mapping[str, Lengths]
    shown: tuple[Shown, ...]
    reading: Reading | None = None

    @property
    def longest(self) -> int:
        """The longest example of any split."""
        return max(lengths.longest for lengths in self.lengths.values())

    def cut_off(self, max_length: int) -> int:
        """Examples of any split that are longer than `max_length`."""
        return sum(lengths.cut_off(max_length) for lengths in self.lengths.values())

    def entities_lost(self, max_length: int) -> int:
        """Entities of any split that `max_length` cuts off."""
        return sum(lengths.entities_lost(max_length) for lengths in self.lengths.values())

    @property
    def words_without_tokens(self) -> int:
        """Words of any split for which the tokenizer gives no token."""
        return sum(lengths.words_without_tokens for lengths in self.lengths.values())

    @property
    def entities_without_tokens(self) -> int:
        """Entities of any split with such a word."""
        return sum(lengths.entities_without_tokens for lengths in self.lengths.values())

    @property
    def sentences_without_words(self) -> int:
        """Sentences of any split without a token of a word."""
        return sum(lengths.sentences_without_words for lengths in self.lengths.values())

    @property
    def first_tokens_of_words(self) -> int:
        """Sentences of any split that begin with the token of a word, not with a special one."""
        return sum(lengths.first_tokens_of_words for lengths in self.lengths.values())


@dataclass(frozen=True)
class DataOverview:
    """All tasks of a data set; `unit` is the unit of their lengths.

    `sentences` counts the examples of all splits, once also if several tasks label them.
    `repeated` counts the evaluated sentences that an earlier split contains too, each once over
    all tasks, and `nearly_repeated` those that differ in case, blanks or punctuation.
    """

    tasks: tuple[TaskOverview, ...]
    unit: str
    digests: Mapping[str, str]
    sentences: int
    repeated: int
    nearly_repeated: int = 0

    @property
    def memory_bytes(self) -> int:
        """A rough estimate of the memory that the lengths and the shown examples take."""
        lengths = [each for task in self.tasks for each in task.lengths.values()]
        numbers = sum(len(each.examples) + len(each.reaches) for each in lengths)
        words = sum(len(each.words) for task in self.tasks for each in task.shown)
        return _NUMBER_BYTES * numbers + _WORD_BYTES * words


def overview(dataset: Dataset, counter: LengthCounter) -> DataOverview:
    """Counts everything that does not depend on a maximum length."""
    return DataOverview(
        tasks=tuple(_task_overview(dataset, task, counter) for task in dataset.tasks),
        unit=counter.unit,
        digests=dataset.digests,
        sentences=sum(map(len, dataset.splits.values())),
        repeated=dataset.repeated_over_all_tasks(),
        nearly_repeated=dataset.nearly_repeated_over_all_tasks(),
    )


def _task_overview(dataset: Dataset, task: Task, counter: LengthCounter) -> TaskOverview:
    splits = {
        split: tuple(example for example in examples if task.name in example.labels)
        for split, examples in dataset.splits.items()
    }
    tags = [tag for examples in splits.values() for tag in _tags(examples, task)]
    return TaskOverview(
        task=task,
        examples={split: len(examples) for split, examples in splits.items()},
        labels=_labels(task, splits),
        words_inside=sum(tag != OUTSIDE for tag in tags),
        words=len(tags),
        repaired_tags=dataset.repaired_tags.get(task.name, 0),
        lengths={split: counter.lengths(examples, task.name) for split, examples in splits.items()},
        shown=examples_to_show(splits["train"], task),
        reading=dataset.readings.get(task.name),
    )


def _tags(examples: Sequence[Example], task: Task) -> list[str]:
    labels = (example.labels[task.name] for example in examples)
    return [tag for label in labels if not isinstance(label, str) for tag in label]


def _labels(task: Task, splits: Mapping[str, Sequence[Example]]) -> dict[str, dict[str, int]]:
    """Counts by split, with the same names in the same order."""
    counts = {
        split: Counter(name for example in examples for name in _names(example, task))
        for split, examples in splits.items()
    }
    known = [entity_type(tag) if task.kind is TaskKind.TOKEN else tag for tag in task.outputs]
    names = [name for name in dict.fromkeys(known) if name is not None]
    names.sort(key=lambda name: -sum(count[name] for count in counts.values()))
    return {split: {name: count[name] for name in names} for split, count in counts.items()}


def _names(example: Example, task: Task) -> list[str]:
    label = example.labels[task.name]
    return [label] if isinstance(label, str) else [span.type for span in spans(label)]


def examples_to_show(examples: Sequence[Example], task: Task) -> tuple[Shown, ...]:
    """A few examples: the first of each class or entity type, then others with labels."""
    first: dict[str, int] = {}
    labelled = []
    for place, example in enumerate(examples):
        names = _names(example, task)
        labelled += [place] if names else []
        for name in names:
            first.setdefault(name, place)
    places = list(dict.fromkeys([*first.values(), *labelled]))[:_SHOWN]
    return tuple(_shown(examples[place], task) for place in sorted(places))


def _shown(example: Example, task: Task) -> Shown:
    label = example.labels[task.name]
    if isinstance(label, str):
        text = example.text if example.text is not None else " ".join(example.words or ())
        return Shown(text, label=label)
    words = example.words or ()
    return Shown(" ".join(words), words, spans(label))
