"""Mixed batches of all tasks' examples, in an order that depends on the seed alone."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from mtl_core.tasks.alignment import IGNORED, EncodedExample
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.random_streams import stream_seed

_POOL_BATCHES = 16
"""Examples are sorted by length within this many batches. On the sample 0.94 of the tokens are then
no padding, against 0.75 unsorted; with longer sentences in one task 0.70 against 0.48."""

PASS_TOKENS = 512
"""Maximum tokens in one pass without gradients. More are not faster on a CPU, whose matrix products
reach full speed at a few hundred rows, and need more memory."""


@dataclass(frozen=True)
class Batch:
    """Examples padded to the length of the longest.

    `input_ids` and `attention_mask`: (batch, sequence). For each task with labelled examples,
    `rows` are their indices in the batch, (n,). `labels` are (n,) for a sentence task and
    (n, sequence) for a token task, -100 where a token has none.
    """

    input_ids: Tensor
    attention_mask: Tensor
    rows: dict[str, Tensor]
    labels: dict[str, Tensor]


def collate(examples: Sequence[EncodedExample], tasks: Sequence[Task], pad_id: int) -> Batch:
    """Pad examples into one batch. Tasks without a label in it are omitted."""
    length = max(len(example.input_ids) for example in examples)
    ids = [_padded(example.input_ids, length, pad_id) for example in examples]
    mask = [_padded((1,) * len(example.input_ids), length, 0) for example in examples]
    rows: dict[str, Tensor] = {}
    labels: dict[str, Tensor] = {}
    for task in tasks:
        places = [n for n, example in enumerate(examples) if task.name in example.labels]
        found = [_label(examples[n], task, length) for n in places]
        if any(_has_label(label) for label in found):
            rows[task.name] = torch.tensor(places)
            labels[task.name] = torch.tensor(found)
    return Batch(torch.tensor(ids), torch.tensor(mask), rows, labels)


def fill_batches(lengths: Sequence[int]) -> Iterator[range]:
    """Divide ascending `lengths` into batches of at most PASS_TOKENS, padding included.

    They are for passes without gradients. A longer sequence gets its own batch.
    """
    start = 0
    for end in range(1, len(lengths) + 1):
        if end == len(lengths) or (end + 1 - start) * lengths[end] > PASS_TOKENS:
            yield range(start, end)
            start = end


def batches_by_length(examples: Sequence[EncodedExample]) -> Iterator[list[int]]:
    """Yield the indices of the examples of each batch for passes without gradients, shortest first.

    Batches depend on the examples alone, so that a model gives the same outputs at any time.
    """
    lengths = [len(example.input_ids) for example in examples]
    order = sorted(range(len(examples)), key=lambda n: (lengths[n], n))
    for filled in fill_batches([lengths[n] for n in order]):
        yield [order[n] for n in filled]


def training_order(
    seed: int,
    epoch: int,
    lengths: Sequence[int],
    batch_size: int,
    kinds: Sequence[Hashable] | None = None,
) -> list[int]:
    """Return the order of one epoch (from 0): a permutation of the examples with these `lengths`.

    A random order is drawn and then rearranged so that a batch has examples of similar length,
    because every row costs as much as the longest. `kinds` are the tasks of each example: every
    batch has a proportional share of each kind, and similar lengths within a kind. Sorting by
    length alone could fill a batch with one task. Only examples that are close in the random order
    are rearranged, and the batches are shuffled again. The remainder is a smaller last batch of
    random lengths, so that no length is more frequent in it.
    """
    generator = torch.Generator().manual_seed(stream_seed(seed, "order", epoch))
    drawn = torch.randperm(len(lengths), generator=generator).tolist()
    whole = len(drawn) - len(drawn) % batch_size
    pool = _POOL_BATCHES * batch_size
    arranged: list[int] = []
    for start in range(0, whole, pool):
        arranged += _by_relative_length(drawn[start : min(start + pool, whole)], lengths, kinds)
    batches = torch.randperm(whole // batch_size, generator=generator).tolist()
    cut = (arranged[n * batch_size : (n + 1) * batch_size] for n in batches)
    return [*chain.from_iterable(cut), *drawn[whole:]]


def drawn_batches(
    examples: Sequence[EncodedExample], *, batch_size: int, seed: int
) -> Iterator[list[EncodedExample]]:
    """Yield the examples of each step without end; each epoch is a new permutation."""
    lengths = [len(example.input_ids) for example in examples]
    kinds = [frozenset(example.labels) for example in examples]
    epoch = 0
    while True:
        order = training_order(seed, epoch, lengths, batch_size, kinds)
        for start in range(0, len(order), batch_size):
            yield [examples[n] for n in order[start : start + batch_size]]
        epoch += 1


def _by_relative_length(
    pool: Sequence[int], lengths: Sequence[int], kinds: Sequence[Hashable] | None
) -> list[int]:
    """Sort examples by their relative rank in length among those of their kind."""
    members: dict[Hashable, list[int]] = {}
    for n in sorted(pool, key=lengths.__getitem__):
        members.setdefault(kinds[n] if kinds else None, []).append(n)
    rank = {
        n: (place + 0.5) / len(each) for each in members.values() for place, n in enumerate(each)
    }
    return sorted(pool, key=rank.__getitem__)


def _padded(values: Sequence[int], length: int, filler: int) -> list[int]:
    return [*values, *[filler] * (length - len(values))]


def _label(example: EncodedExample, task: Task, length: int) -> int | list[int]:
    label = example.labels[task.name]
    if task.kind is TaskKind.SENTENCE or isinstance(label, int):
        return label if isinstance(label, int) else IGNORED
    return _padded(label, length, IGNORED)


def _has_label(label: int | list[int]) -> bool:
    return label != IGNORED if isinstance(label, int) else any(each != IGNORED for each in label)
