"""Label noise: replaces the labels of a share of the training sentences by wrong ones.

The choice of sentences and wrong labels depends only on seed, task and sentence. Sentences that are
changed at a share of 0.1 are therefore also changed at 0.3, with the same wrong labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

from mtl_core.errors import InvalidRun
from mtl_core.nearest import available_names
from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.example import Example, Label
from mtl_core.tasks.schemes import OUTSIDE, entity_type, is_prefixed, spans
from mtl_core.tasks.task import Task
from mtl_core.text import shortened
from mtl_core.training.random_streams import stream_seed

_STREAM = "label noise"


def check_label_noise(noise: Mapping[str, float], tasks: Sequence[Task]) -> None:
    """Raise InvalidRun for noise on a task that does not exist."""
    names = [task.name for task in tasks]
    for name in noise:
        if name not in names:
            exists = available_names(name, names, "Tasks")
            raise InvalidRun(
                f"Label noise for '{shortened(name)}': there is no such task. {exists}"
            )


def with_label_noise(
    dataset: Dataset, noise: Mapping[str, float], seed: int
) -> tuple[Dataset, tuple[str, ...]]:
    """Return the data with wrong labels in the training set, and a note per changed task.

    In a sentence task a changed sentence gets another class, each equally likely. In a token task
    `noise` is a share of the sentences with an entity. Every entity of a changed sentence gets
    another type or is removed, each equally likely, and tags stay valid in their scheme. The
    validation set is unchanged. Raises InvalidRun as `check_label_noise` does.
    """
    check_label_noise(noise, dataset.tasks)
    train, notes = list(dataset.train), []
    for task in dataset.tasks:
        if not noise.get(task.name):
            continue
        labels = (each.labels.get(task.name) for each in train)
        candidates = [n for n, label in enumerate(labels) if _can_be_wrong(label)]
        candidates.sort(key=lambda place: (_stream(seed, task, train[place]), place))
        chosen = candidates[: int(noise[task.name] * len(candidates) + 0.5)]
        for place in chosen:
            example = train[place]
            wrong = _wrong(example.labels[task.name], task, Random(_stream(seed, task, example)))
            train[place] = replace(example, labels={**example.labels, task.name: wrong})
        notes.append(_note(task, len(chosen), len(candidates), train))
    return replace(dataset, train=tuple(train)), tuple(notes)


def _can_be_wrong(label: Label | None) -> bool:
    """Whether there is a label, with at least one entity in a token task."""
    return bool(label) and (isinstance(label, str) or bool(spans(label or ())))


def _stream(seed: int, task: Task, example: Example) -> int:
    return stream_seed(seed, _STREAM, task.name, example.text or "", *(example.words or ()))


def _wrong(label: Label, task: Task, random: Random) -> Label:
    if isinstance(label, str):
        return random.choice([each for each in task.outputs if each != label])
    tags = list(label)
    for start, end, kind in spans(label):
        types = dict.fromkeys(entity_type(each) for each in task.outputs)
        others = [_as_type(label[start:end], each) for each in types if each != kind]
        known = [each for each in others if set(each) <= set(task.outputs)]
        tags[start:end] = random.choice(known)
    return tuple(tags)


def _as_type(tags: Sequence[str], kind: str | None) -> tuple[str, ...]:
    """Return one entity's tags with another type; `kind` None: the tags of no entity."""
    if kind is None:
        return (OUTSIDE,) * len(tags)
    return tuple(f"{tag[:2]}{kind}" if is_prefixed(tag) else kind for tag in tags)


def _note(task: Task, changed: int, candidates: int, train: Sequence[Example]) -> str:
    labelled = sum(task.name in each.labels for each in train)
    of = f"{candidates:,}"
    if candidates != labelled:
        of = f"the {candidates:,} with an entity, of {labelled:,}"
    return (
        f"Label noise: {changed:,} of {of} training sentences of {task.name} have wrong labels, "
        "drawn from the seed."
    )
