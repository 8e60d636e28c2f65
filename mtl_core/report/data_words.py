"""What the pages say of data: its name, and what is in it, in one line."""

from collections.abc import Iterable

from mtl_core.analysis.words import in_percent
from mtl_core.freezing.titles import task_title
from mtl_core.tasks.lengths import SubWordCounter
from mtl_core.tasks.overview import SPLITS, DataOverview, TaskOverview
from mtl_core.tasks.task import TaskKind
from mtl_core.tasks.upload_reference import is_upload

_NAMED = 3


def full_data_name(reference: str, tasks: Iterable[str]) -> str:
    """`sample`, a manifest's path, or "your upload: reviews, wnut"."""
    return f"your upload: {', '.join(tasks)}" if is_upload(reference) else reference


def data_name(reference: str, tasks: Iterable[str]) -> str:
    """`full_data_name`, of a path its last part only."""
    return full_data_name(reference, tasks).rstrip("/").rsplit("/", 1)[-1]


def data_headline(found: DataOverview, max_length: int) -> str:
    """The Data page's answer: how much there is, and what a maximum length cuts off."""
    counts = [
        f"{_examples(task, ' sentences' if place == 0 else '')} for {within(task.task.name)}"
        for place, task in enumerate(found.tasks)
    ]
    if len(counts) > _NAMED:
        total = sum(sum(task.examples.values()) for task in found.tasks)
        counts = [f"{total:,} labelled sentences for {len(counts)} tasks"]
    return f"{', '.join(counts)}; {_cut_off(found, max_length)}"


def within(task: str) -> str:
    """A task's title within a sentence: sentiment, NER."""
    title = task_title(task)
    return title if title.isupper() else title.lower()


def balance_finding(task: TaskOverview) -> str:
    """What the counts of labels come to, in one line."""
    train = task.labels["train"]
    if task.task.kind is TaskKind.SENTENCE:
        name = max(train, key=lambda label: train[label])
        share = train[name] / max(sum(train.values()), 1)
        return f"{len(train)} classes, “{name}” is {in_percent(share)} of training"
    entities = sum(sum(counts.values()) for counts in task.labels.values())
    types = "1 type" if len(train) == 1 else f"{len(train)} types"
    inside = task.words_inside / max(task.words, 1)
    return f"{entities:,} entities of {types}, {in_percent(inside, 1)} of the words"


def length_finding(task: TaskOverview, unit: str, max_length: int) -> str:
    """How long the task's sentences are, and what is cut off, in one line."""
    longest = f"The longest sentence has {task.longest:,} {unit}"
    if unit != SubWordCounter.unit:
        return f"{longest}."
    if not (cut := task.cut_off(max_length)):
        return f"{longest}: nothing is cut off at {max_length:,}."
    lost = ""
    if task.task.kind is TaskKind.TOKEN:
        entities = task.entities_lost(max_length)
        lost = f", with {_counted(entities, 'entity', 'entities')} that cannot be found then"
    return f"{longest}: {_counted(cut, 'is', 'are')} cut off at {max_length:,}{lost}."


def counts_caption(task: TaskOverview) -> str:
    """Sentences by split and the head's outputs; what was repaired."""
    parts = [f"{task.examples[split]:,} {split}" for split in SPLITS]
    parts.append(f"head {task.task.head}, {len(task.task.outputs)} outputs")
    if task.repaired_tags:
        tags = _counted(task.repaired_tags, "tag", "tags")
        parts.append(f"{tags} began an entity with I- and read as B-")
    return " · ".join(parts)


def _examples(task: TaskOverview, noun: str) -> str:
    return f"{task.examples['train']:,} + {task.examples['validation']:,}{noun}"


def _cut_off(found: DataOverview, max_length: int) -> str:
    if found.unit != SubWordCounter.unit:
        longest = max(task.longest for task in found.tasks)
        return f"the longest has {longest:,} {found.unit}"
    at = f"cut off at {max_length:,} {found.unit}"
    if lost := sum(task.entities_lost(max_length) for task in found.tasks):
        return f"{_counted(lost, 'entity is', 'entities are')} {at}"
    if cut := sum(task.cut_off(max_length) for task in found.tasks):
        return f"{_counted(cut, 'sentence is', 'sentences are')} {at}"
    return f"nothing is {at}"


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
