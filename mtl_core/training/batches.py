"""Mixed batches of all tasks' examples, in an order that only the seed decides."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtl_core.tasks.alignment import IGNORED, EncodedExample
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.seeds import stream_seed


@dataclass(frozen=True)
class Batch:
    """Examples padded to the longest of them.

    `input_ids` and `attention_mask`: (batch, sequence). For each task with examples here, `rows`
    are their places in the batch, (n,), and `labels` are (n,) for a sentence task and
    (n, sequence) for a token task, -100 where there is none.
    """

    input_ids: Tensor
    attention_mask: Tensor
    rows: dict[str, Tensor]
    labels: dict[str, Tensor]


def collate(examples: Sequence[EncodedExample], tasks: Sequence[Task], pad_id: int) -> Batch:
    """Pad examples into one batch. A task none of whose labels is here is left out."""
    length = max(len(example.input_ids) for example in examples)
    ids = [_padded(example.input_ids, length, pad_id) for example in examples]
    mask = [_padded((1,) * len(example.input_ids), length, 0) for example in examples]
    rows: dict[str, Tensor] = {}
    labels: dict[str, Tensor] = {}
    for task in tasks:
        places = [n for n, example in enumerate(examples) if task.name in example.labels]
        found = [_label(examples[n], task, length) for n in places]
        if any(_says_something(label) for label in found):
            rows[task.name] = torch.tensor(places)
            labels[task.name] = torch.tensor(found)
    return Batch(torch.tensor(ids), torch.tensor(mask), rows, labels)


def training_order(seed: int, epoch: int, examples: int) -> list[int]:
    """The order of one epoch (from 0): a permutation drawn from the seed's own stream."""
    generator = torch.Generator().manual_seed(stream_seed(seed, "order", epoch))
    return torch.randperm(examples, generator=generator).tolist()


def training_batches(
    examples: Sequence[EncodedExample],
    tasks: Sequence[Task],
    *,
    batch_size: int,
    seed: int,
    pad: int,
) -> Iterator[Batch]:
    """Batches without end: each epoch every example once, in an order of its own."""
    epoch = 0
    while True:
        order = training_order(seed, epoch, len(examples))
        for start in range(0, len(order), batch_size):
            yield collate([examples[n] for n in order[start : start + batch_size]], tasks, pad)
        epoch += 1


def _padded(values: Sequence[int], length: int, filler: int) -> list[int]:
    return [*values, *[filler] * (length - len(values))]


def _label(example: EncodedExample, task: Task, length: int) -> int | list[int]:
    label = example.labels[task.name]
    if task.kind is TaskKind.SENTENCE or isinstance(label, int):
        return label if isinstance(label, int) else IGNORED
    return _padded(label, length, IGNORED)


def _says_something(label: int | list[int]) -> bool:
    return label != IGNORED if isinstance(label, int) else any(each != IGNORED for each in label)
