"""Wrong labels on purpose: a share of the training sentences, drawn from the run's seed.

Which sentences, and which wrong label each gets, depends on the seed, the task and the sentence
alone, so those disturbed at 0.1 lie within those at 0.3 and bear the same wrong labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

from mtl_core.errors import InvalidRun
from mtl_core.nearest import available_names
from mtl_core.tasks.dataset import Dataset, Example, Label
from mtl_core.tasks.schemes import OUTSIDE, entity_type, is_prefixed, spans
from mtl_core.tasks.task import Task
from mtl_core.training.seeds import stream_seed

_STREAM = "label noise"


def check_noise(noise: Mapping[str, float], tasks: Sequence[Task]) -> None:
    """Raise InvalidRun for noise on a task that does not exist."""
    names = [task.name for task in tasks]
    for name in noise:
        if name not in names:
            exists = available_names(name, names, "Tasks")
            raise InvalidRun(
                f"Label noise is asked for of '{name[:60]}', which is no task. {exists}"
            )


def disturbed(
    dataset: Dataset, noise: Mapping[str, float], seed: int
) -> tuple[Dataset, tuple[str, ...]]:
    """The data with wrong labels in training, and a note on each task; validation as it was.

    A sentence task's sentence gets another class, each equally likely. In a token task the share
    is of the sentences that hold an entity; in a disturbed one every entity gets another type or
    is dropped, each equally likely, and tags stay valid in their scheme. Raises InvalidRun as
    `check_noise` does.
    """
    check_noise(noise, dataset.tasks)
    train, notes = list(dataset.train), []
    for task in dataset.tasks:
        if not noise.get(task.name):
            continue
        able = [n for n, each in enumerate(train) if _can_be_wrong(each.labels.get(task.name))]
        able.sort(key=lambda place: (_stream(seed, task, train[place]), place))
        chosen = able[: int(noise[task.name] * len(able) + 0.5)]
        for place in chosen:
            example = train[place]
            wrong = _wrong(example.labels[task.name], task, Random(_stream(seed, task, example)))
            train[place] = replace(example, labels={**example.labels, task.name: wrong})
        notes.append(_note(task, len(chosen), len(able), train))
    return replace(dataset, train=tuple(train)), tuple(notes)


def _can_be_wrong(label: Label | None) -> bool:
    """Whether there is a label, and in it something that could be another."""
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
    """One entity's tags with another type, or as no entity where `kind` is None."""
    if kind is None:
        return (OUTSIDE,) * len(tags)
    return tuple(f"{tag[:2]}{kind}" if is_prefixed(tag) else kind for tag in tags)


def _note(task: Task, disturbed: int, able: int, train: Sequence[Example]) -> str:
    labelled = sum(task.name in each.labels for each in train)
    of = f"{able:,}" if able == labelled else f"the {able:,} with an entity, of {labelled:,}"
    return (
        f"Label noise: {disturbed:,} of {of} training sentences of {task.name} bear wrong labels, "
        "drawn from the seed."
    )
