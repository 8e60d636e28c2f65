"""Describes a data set in one line: its name, its size, its labels and its lengths."""

from collections.abc import Mapping, Sequence

from mtl_core.freezing.titles import task_title
from mtl_core.tasks.data_name import data_name
from mtl_core.tasks.lengths import SubWordCounter
from mtl_core.tasks.manifest import SPLIT_KEYS
from mtl_core.tasks.overview import DataOverview, TaskOverview
from mtl_core.tasks.task import TaskKind
from mtl_core.text import count_or_all, counted, listed, percent
from mtl_core.training.comparison import TrainSize
from mtl_core.training.spec import RunSpec

_NAMED = 3


def name_of_data(spec: RunSpec) -> str:
    """Returns `data_name` of the data of a run."""
    return data_name(spec.data, (task.name for task in spec.tasks), spec.data_name)


def size_words(size: TrainSize) -> str:
    """`200 sentences per task`, or `all sentences` for None."""
    return f"{count_or_all(size)} sentences{'' if size is None else ' per task'}"


def sizes_words(sizes: Sequence[TrainSize]) -> str:
    """`50, 100 and 200 sentences per task`."""
    return f"{listed([count_or_all(size) for size in sizes])} sentences per task"


def data_headline(found: DataOverview, max_length: int) -> str:
    """Returns the title of the Data page: the number of sentences, and what is cut off."""
    counts = [
        f"{sum(task.examples.values()):,}{' sentences' * (place == 0)} for {within(task.task.name)}"
        for place, task in enumerate(found.tasks)
    ]
    if len(counts) > _NAMED:
        counts = [f"{found.sentences:,} labelled sentences for {len(counts)} tasks"]
    return f"{', '.join(counts)}; {_cut_off(found, max_length)}"


def within(task: str) -> str:
    """Formats a task's name for use within a sentence: sentiment, NER."""
    title = task_title(task)
    return title if title.isupper() else title.lower()


def balance_finding(task: TaskOverview) -> str:
    """Summarizes the distribution of the training labels in one line."""
    train = task.labels["train"]
    if task.task.kind is TaskKind.SENTENCE:
        name = max(train, key=lambda label: train[label])
        share = train[name] / max(sum(train.values()), 1)
        return f"{len(train)} classes, “{name}” is {percent(share)} of training"
    entities = sum(sum(counts.values()) for counts in task.labels.values())
    types = counted(len(train), "type")
    inside = task.words_inside / max(task.words, 1)
    return f"{entities:,} entities of {types}, {percent(inside, 1)} of the words"


def length_finding(task: TaskOverview, unit: str, max_length: int) -> str:
    """Summarizes the lengths of the task's sentences, and what is cut off, in one line."""
    longest = f"The longest sentence has {task.longest:,} {unit}"
    if unit != SubWordCounter.unit:
        return f"{longest}."
    if not (cut := task.cut_off(max_length)):
        return f"{longest}: nothing is cut off at {max_length:,}."
    lost = ""
    if task.task.kind is TaskKind.TOKEN:
        entities = task.entities_lost(max_length)
        lost = f", with {counted(entities, 'entity', 'entities')} that cannot be found then"
    return f"{longest}: {counted(cut, 'is', 'are')} cut off at {max_length:,}{lost}."


def counts_caption(task: TaskOverview) -> str:
    """Lists the sentences of each split, the head's outputs and repaired tags."""
    parts = [f"{count:,} {split}" for split, count in task.examples.items()]
    parts.append(f"head {task.task.head}, {len(task.task.outputs)} outputs")
    if task.repaired_tags:
        tags = counted(task.repaired_tags, "tag", "tags")
        parts.append(f"{tags} changed from I- to B- at the start of an entity")
    return " · ".join(parts)


def split_counts(examples: Mapping[str, int]) -> str:
    """The sentences of each split, training first: `400 + 200 + 800`."""
    counts = (examples.get(split) for split in SPLIT_KEYS)
    return " + ".join(f"{count:,}" for count in counts if count is not None)


def _cut_off(found: DataOverview, max_length: int) -> str:
    if found.unit != SubWordCounter.unit:
        longest = max(task.longest for task in found.tasks)
        return f"the longest has {longest:,} {found.unit}"
    at = f"cut off at {max_length:,} {found.unit}"
    if lost := sum(task.entities_lost(max_length) for task in found.tasks):
        return f"{counted(lost, 'entity is', 'entities are')} {at}"
    if cut := sum(task.cut_off(max_length) for task in found.tasks):
        return f"{counted(cut, 'sentence is', 'sentences are')} {at}"
    return f"nothing is {at}"


def reading_lines(task: TaskOverview) -> list[str]:
    """How the files of a task were read, and what no prediction can find whatever the length."""
    lines = [] if task.reading is None else [task.reading.line, *task.reading.notes_once]
    if task.words_without_tokens:
        words = counted(task.words_without_tokens, "word has", "words have")
        entities = counted(task.entities_without_tokens, "entity", "entities")
        lines.append(
            f"{words} no token with this tokenizer; {entities} with such a word cannot be found."
        )
    if task.sentences_without_words:
        sentences = counted(task.sentences_without_words, "sentence has", "sentences have")
        lines.append(f"{sentences} no word that this tokenizer reads.")
    if task.first_tokens_of_words and task.task.kind is TaskKind.SENTENCE:
        lines.append(
            "This tokenizer puts no special token first: a sentence vector of the first token is "
            "the state of the first word."
        )
    return lines
