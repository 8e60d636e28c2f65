"""Draws the training sentences of a run from its seed, so that seeds differ in their data too.

A task with a limit (`--examples`) reads another random subset of that size for each seed, without
repeats. A task without a limit reads as many sentences as it has, drawn with replacement: the
bootstrap of Efron 1979, in which each sentence occurs with a probability of 1 - (1 - 1/n)^n, about
63 %. Validation and test sentences stay.
"""

from collections import Counter
from dataclasses import replace
from random import Random

from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.example import Example
from mtl_core.text import listed
from mtl_core.training.random_streams import stream_seed
from mtl_core.training.spec import RunSpec

_STREAM = "training sentences"


def subset_draw(spec: RunSpec) -> int | None:
    """The draw of the subsets that `load_dataset` selects; None: those of every run."""
    return stream_seed(spec.seed, _STREAM) if spec.resample else None


def resampled(dataset: Dataset, spec: RunSpec) -> tuple[Dataset, tuple[str, ...]]:
    """Return the data with training sentences drawn for `spec`, and a note; as it is if not asked.

    `dataset` was loaded with `subset_draw`. The sentences of a file are drawn together for all
    tasks that read it, so each task has as many as before.
    """
    if not spec.resample:
        return dataset, ()
    train: list[Example] = []
    by_tasks: dict[tuple[str, ...], list[Example]] = {}
    for example in dataset.train:
        by_tasks.setdefault(tuple(sorted(example.labels)), []).append(example)
    for tasks, own in by_tasks.items():
        is_limited = not spec.examples.keys().isdisjoint(tasks)
        random = Random(stream_seed(spec.seed, _STREAM, *tasks))
        train += own if is_limited else random.choices(own, k=len(own))
    drawn = replace(dataset, train=tuple(train))
    return drawn, (_note(drawn, spec),)


def _note(drawn: Dataset, spec: RunSpec) -> str:
    parts = []
    for task in drawn.tasks:
        own = [id(each) for each in drawn.train if task.name in each.labels]
        how = "without repeats" if task.name in spec.examples else f"{len(Counter(own))} different"
        parts.append(f"{len(own)} of {task.name} ({how})")
    return f"Training sentences drawn from the seed: {listed(parts)}."
